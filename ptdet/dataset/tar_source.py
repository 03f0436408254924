"""WebDataset: a .tar whose members of one key, the name up to its first dot, are one sample.

Of a sample its .npz is read, else its .npy, else its .json: COCO results, or an object of boxes, scores and labels.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from ..io import STREAMS, FileProblem, Predictions, read_lists, read_stream
from .batch import Batch, batches_of
from .passing import refuse_passing
from .settings import Job

PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}  # by how it begins


def cut(file: Path, size: int) -> list[list[int]]:
    """Of each shard its first sample, how many there are, and the byte where the first begins.

    Raises:
        FileProblem: it is no .tar, or has no sample that can be read.
    """
    starts: list[int] = []
    count = 0
    try:
        with file.open("rb") as stream:
            begins = stream.read(8)
            packed = next((how for magic, how in PACKED.items() if begins.startswith(magic)), None)
            if packed:
                raise FileProblem(f"is packed by {packed}, so that nothing in it can be read alone: unpack it")
            stream.seek(0)
            for number, (_, members) in enumerate(groupby(_members(stream), _key)):
                place = next(members).offset
                if number % size == 0:
                    starts.append(place)
                count = number + 1
    except (tarfile.TarError, OSError) as error:
        raise FileProblem(f"cannot be read: {type(error).__name__}: {error}") from error
    if not count:
        raise FileProblem(f"holds no {', '.join(STREAMS)} member")
    return [[n * size, min(size, count - n * size), start] for n, start in enumerate(starts)]


def read(task: Mapping[str, Any], job: Job, problems: list[str]) -> Iterator[Batch]:
    """The samples of a shard."""

    def pictures() -> Iterator[Predictions]:
        (path,), (_, count, start) = task["paths"], task["where"]
        with Path(path).open("rb") as stream:
            stream.seek(start)
            samples = groupby(_members(stream), _key)
            for (key, members), _ in zip(samples, range(count), strict=False):
                try:
                    yield from _sample(stream, key, list(members), job)
                except FileProblem as problem:
                    refuse_passing(problem)
                    problems.append(f"{path}: {key} {problem}")

    return batches_of(pictures(), job.settings, problems)


def _sample(stream: io.BufferedReader, key: str, members: list[tarfile.TarInfo], job: Job) -> list[Predictions]:
    """Of the best member, all the pictures."""
    member = min(members, key=lambda one: (_is_elsewhere(one), list(STREAMS).index(Path(one.name).suffix.lower())))
    if _is_elsewhere(member):
        raise FileProblem(f"is a link or has holes ({member.name}), so that its content does not lie here")
    back = stream.tell()
    stream.seek(member.offset_data)
    data = stream.read(member.size)
    stream.seek(back)
    suffix = Path(member.name).suffix.lower()
    if suffix == ".json" and (lists := _lists_in(data)):
        return read_lists(key, lists, job.read)
    return read_stream(key + suffix, io.BytesIO(data), job.read)


def _lists_in(data: bytes) -> dict[str, Any] | None:
    """The arrays of a JSON object that is no COCO file."""
    try:
        stored = json.loads(data)
        if not isinstance(stored, dict) or "annotations" in stored:
            return None
        return stored
    except (ValueError, RecursionError):  # whoever reads it as COCO results says why
        return None


def _is_elsewhere(member: tarfile.TarInfo) -> bool:
    """Whether what follows its header is not its content."""
    return member.islnk() or member.issym() or member.issparse()


def _members(stream: io.BufferedReader) -> Iterator[tarfile.TarInfo]:
    """Those that a reader takes, from here on, in their order.

    Raises:
        tarfile.TarError: the archive is cut off, or broken.
    """
    with tarfile.open(fileobj=stream, mode="r:") as opened:
        archive: Any = opened
        while (member := archive.next()) is not None:
            archive.members = []  # else all of them stay in memory
            if (member.isfile() or _is_elsewhere(member)) and Path(member.name).suffix.lower() in STREAMS:
                yield member
        stream.seek(archive.offset)  # tarfile takes a broken header for the end
        if any(stream.read(tarfile.BLOCKSIZE)):
            raise tarfile.ReadError(f"no header at byte {archive.offset}")


def _key(member: tarfile.TarInfo) -> str:
    folder, slash, name = member.name.rpartition("/")
    return folder + slash + name.split(".")[0]

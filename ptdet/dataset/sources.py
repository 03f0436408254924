"""What a run reads: files of some kinds, each cut into shards, and the way from a shard to its pictures."""

from __future__ import annotations

import errno
import glob
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..io import READERS, FileProblem
from . import arrays_source, coco_source, joined_source, parquet_source, tar_source
from .batch import Batch, limited
from .durable import remove
from .settings import Job

SUFFIXES = (*(suffix for suffix in READERS if suffix != ".txt"), ".parquet", ".tar")  # texts may be anything
GONE = [-1, -1]
PACKED = (".gz", ".tgz", ".zst", ".bz2", ".xz")


@dataclass(frozen=True)
class Source:
    """Files of one kind and the shards that they are cut into."""

    kind: str  # a key of READ
    paths: list[str]
    shards: list[list[int]]  # of each: its first item, how many there are, and what else its reader wants
    facts: dict[str, Any] = field(default_factory=dict)  # for its reader, of all shards

    def told(self) -> dict[str, Any]:
        return asdict(self)

    def task(self, number: int, spool: Path) -> dict[str, Any]:
        """What a worker needs to know of a shard, counted from 0; `spool` has what had to be sorted first."""
        where = self.shards[number]
        paths = self.paths[where[0] : where[0] + where[1]] if self.kind == "arrays" else self.paths
        task = {"kind": self.kind, "paths": paths, "where": where, "facts": self.facts}
        return {**task, "spool": str(spool / self.facts["spool"])} if "spool" in self.facts else task


READ: Mapping[str, Callable[[Mapping[str, Any], Job, list[str]], Iterator[Batch]]] = {
    "arrays": arrays_source.read,
    "coco": coco_source.read,
    "joined": joined_source.read,
    "parquet": parquet_source.read,
    "tar": tar_source.read,
}


def read_shard(task: Mapping[str, Any], job: Job, problems: list[str]) -> Iterator[Batch]:
    """The pictures of a shard with the boxes that may take part; `problems` are told of pictures that cannot."""
    for batch in READ[task["kind"]](task, job, problems):
        yield limited(batch, job.settings, problems)


def stats_of(files: Iterable[str | Path]) -> dict[str, list[int]]:
    """Of each its size in bytes and the time of its last change in nanoseconds; GONE for one that is not there."""
    stats = {}
    for file in files:
        try:
            stat = os.stat(file)
            stats[str(file)] = [stat.st_size, stat.st_mtime_ns]
        except FileNotFoundError:  # it was removed just now, or is a link to nothing
            stats[str(file)] = GONE
    return stats


def find_sources(asked: Sequence[Path], out: Path) -> list[list[Path]]:
    """For each of `asked` its files, each file once; those of a folder and its folders by name.

    Raises:
        FileProblem: nothing is there, or nothing that can be read.
    """
    seen: set[Path] = set()
    found = []
    for one in asked:
        files = dict.fromkeys(file.resolve() for file in _expanded(one, out.resolve()))
        found.append([file for file in files if file not in seen])
        seen.update(files)
    return found


def _expanded(asked: Path, out: Path) -> list[Path]:
    if asked.is_dir():
        if asked.resolve() == out:
            raise FileProblem(f"{asked} is --out itself, whose results would be inputs: give another folder")
        inside, what = sorted(asked.rglob("*")), "is a folder without"
    elif not asked.exists() and glob.has_magic(str(asked)):
        inside, what = [Path(name) for name in sorted(glob.glob(str(asked), recursive=True))], "fits no"
    else:
        _check_suffix(asked)
        return [asked]
    asked_in_out = out in asked.resolve().parents  # then it is no result that is meant
    taken = [
        file
        for file in inside
        if file.suffix.lower() in SUFFIXES
        and not file.name.startswith(".")
        and (file.is_file() or (file.is_symlink() and not file.exists()))
        and (asked_in_out or out not in file.resolve().parents)
    ]
    if not taken:
        raise FileProblem(f"{asked} {what} {', '.join(SUFFIXES)} file")
    return taken


def _check_suffix(file: Path) -> None:
    if not file.exists():
        raise FileProblem(f"{file}: there is no such file")
    if file.suffix.lower() in PACKED:
        raise FileProblem(f"{file} is packed, so that nothing in it can be read alone: unpack it")
    if file.suffix.lower() not in SUFFIXES:
        raise FileProblem(f"{file} ends in {file.suffix!r}; expected {', '.join(SUFFIXES)}")


def cut_sources(
    files: Sequence[Path], size: int, spool: Path, workshop: Path, job: Job, problems: list[str]
) -> Iterator[Source]:
    """The files as sources with shards of `size` pictures; `problems` are told of files that cannot be read.

    Args:
        spool: a folder for what has to be sorted first.
        workshop: a folder for what is not finished.
    """
    together: list[Path] = []  # small files, of which a shard holds several
    sorted_files = 0
    for file in files:
        if not os.access(file, os.R_OK):
            problems.append(f"{file} cannot be read: {os.strerror(errno.EACCES if file.exists() else errno.ENOENT)}")
            continue
        kind = _kind(file)
        if kind == "arrays":
            together.append(file)
            continue
        yield from _of_arrays(together, size)
        together = []
        try:
            place = spool / f"{sorted_files:06}"
            yield _of_one(kind, file, size, place, workshop, job, problems)
            sorted_files += kind == "coco"
        except FileProblem as problem:
            problems.append(f"{file} {problem}")
    yield from _of_arrays(together, size)


def join_sources(
    models: Sequence[Sequence[Path]], size: int, spool: Path, workshop: Path, job: Job, problems: list[str]
) -> Iterator[Source]:
    """One source of the pictures to which several files, or several pictures of a file, belong; as `cut_sources`."""
    room = workshop / "models"
    room.mkdir()

    def batches() -> Iterator[tuple[int, Batch]]:
        for model, files in enumerate(models):
            for source in cut_sources(files, size, room, workshop, job, problems):
                for number in range(len(source.shards)):
                    task = source.task(number, room)
                    yield from ((model, batch) for batch in read_shard(task, job, problems))

    name = "joined"
    shards = joined_source.cut(batches(), size, spool / name, workshop, job, problems)
    remove(room)
    paths = [str(file) for files in models for file in files]
    yield Source("joined", paths, shards, {"size": size, "spool": name})


def _kind(file: Path) -> str:
    suffix = file.suffix.lower()
    if suffix in (".parquet", ".tar"):
        return suffix[1:]
    return "coco" if suffix == ".json" and file.stat().st_size > coco_source.SMALL else "arrays"


def _of_one(kind: str, file: Path, size: int, spool: Path, workshop: Path, job: Job, problems: list[str]) -> Source:
    facts: dict[str, Any] = {}
    if kind == "tar":
        shards = tar_source.cut(file, size)
    elif kind == "parquet":
        shards, facts = parquet_source.cut(file, size, job.read)
    else:
        shards = coco_source.cut(file, size, spool, workshop, problems, job.read.progress)
        facts = {"size": size, "spool": spool.name}
    return Source(kind, [str(file)], shards, facts)


def _of_arrays(files: Sequence[Path], size: int) -> Iterator[Source]:
    if files:
        shards = [[first, min(size, len(files) - first)] for first in range(0, len(files), size)]
        yield Source("arrays", [str(file) for file in files], shards)

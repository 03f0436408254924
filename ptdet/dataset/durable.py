"""Files and folders that are there as a whole or not at all, also after a crash of the machine."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from ..io import FileProblem

BLOCK = 1 << 20


class Print(NamedTuple):
    """What tells whether a result is still what was written."""

    size: int  # bytes
    mtime_ns: int
    sha256: str


@contextmanager
def durable(place: Path, workshop: Path) -> Iterator[Path]:
    """A path in `workshop`, of the same suffix, that becomes `place` at the end, be it a file or a folder.

    `workshop` is a folder of the same file system. If something is raised nothing is left there.
    """
    part = workshop / f"{secrets.token_hex(8)}{place.suffix}"
    before = workshop / secrets.token_hex(8)
    try:
        yield part
        for file in _files_of(part):
            _sync(file)
        if part.is_dir():
            _sync(part)
            if place.exists():  # rename takes the place of a file, but not of a folder
                os.replace(place, before)
        os.replace(part, place)
        _sync(place.parent)
    finally:
        remove(part)
        remove(before)


def print_of(place: Path) -> Print:
    """Of a file, or of all files of a folder."""
    digest, size = hashlib.sha256(), 0
    for file in _files_of(place):
        if place.is_dir():
            digest.update(f"{file.name}\0{file.stat().st_size}\0".encode())
        with file.open("rb") as stream:
            while block := stream.read(BLOCK):
                size += len(block)
                digest.update(block)
    return Print(size, _mtime_ns(place), digest.hexdigest())


def is_as_printed(place: Path, known: Print) -> bool:
    """Whether `place` holds what `known` tells of. Its content is read where size and time do not settle it."""
    try:
        stats = [file.stat() for file in _files_of(place)]
        if sum(stat.st_size for stat in stats) != known.size:
            return False
        if max(stat.st_mtime_ns for stat in (place.stat(), *stats)) == known.mtime_ns:
            return True
    except OSError:
        return False
    now = print_of(place)
    return (now.size, now.sha256) == (known.size, known.sha256)


def remove(place: Path) -> None:
    """A file or a folder, if it is there."""
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place, ignore_errors=True)
    else:
        with suppress(OSError):
            place.unlink()


@contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Holds `lock` until the end, or until the process dies.

    Raises:
        FileProblem: another process has it.
    """
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FileProblem("another ptdet run is at work there") from error
        yield


def _mtime_ns(place: Path) -> int:
    """Of the last change; in a folder, of any of its files too."""
    return max(each.stat().st_mtime_ns for each in {place, *_files_of(place)})


def _files_of(place: Path) -> list[Path]:
    return sorted(place.iterdir()) if place.is_dir() else [place]


def _sync(place: Path) -> None:
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

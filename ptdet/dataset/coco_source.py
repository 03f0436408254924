"""COCO results of any size: one pass sorts the text of the results by picture into files, a shard each.

The results of a picture may lie anywhere in the file. Memory holds the ids of the pictures and no boxes.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from ..io import FileProblem, picture_said, pictures_of, read_predictions, walk_json
from ..io.coco import refuse_mixed
from .batch import Batch, batches_of
from .durable import durable
from .passing import refuse_passing
from .settings import Job

SMALL = 1 << 20  # bytes; a file up to this size is read as a whole
WAITING = 1 << 23  # characters in memory before they are written
NAMED = 100  # results that are none; of more there is only the number


def cut(
    file: Path, size: int, spool: Path, workshop: Path, problems: list[str], progress: Callable[[int], None] | None
) -> list[list[int]]:
    """Sorts `file` into the folder `spool`. Of each shard: its first picture, and how many there are.

    `problems` are told of results that are none, and `progress` how many bytes are read, each time.

    Raises:
        FileProblem: it is no file of COCO results.
    """
    with durable(spool, workshop) as folder, file.open("rb") as stream:
        folder.mkdir()
        sorter = _Sorter(folder, size)
        walk_json(stream, sorter, progress)
        sorter.finish()
    problems += [f"{file} {problem}" for problem in sorter.problems]
    if sorter.wrong > NAMED:
        problems.append(f"{file} has {sorter.wrong - NAMED} more entries that are no results")
    count = len(sorter.numbers)
    return [[first, min(size, count - first)] for first in range(0, count, size)]


def read(task: Mapping[str, Any], job: Job, problems: list[str]) -> Iterator[Batch]:
    """The pictures of a shard, in the order in which they first appear in the file."""
    first, size = task["where"][0], task["facts"]["size"]
    part = Path(task["spool"]) / _name(first // size)
    part.stat()  # where somebody has removed it there is no result
    try:
        return batches_of(read_predictions(part, job.read), job.settings, problems)
    except FileProblem as problem:
        refuse_passing(problem)
        problems.append(f"{task['paths'][0]}, from picture {first} on: {problem}")
        return iter(())


def _name(shard: int) -> str:
    return f"{shard:06}.json"


class _Sorter:
    """Is told the results of a file, and appends the text of each to the file of its shard."""

    def __init__(self, folder: Path, size: int) -> None:
        self.numbers: dict[int | str, int] = {}  # image_id -> its number, in the order in which they came
        self.problems: list[str] = []
        self.wrong = 0  # results that are none
        self._rotated = 0
        self._folder, self._size = folder, size
        self._count = 0  # of results
        self._categories: list[str] = []
        self._waiting: dict[str, list[str]] = {}  # name of a file -> what is to be appended
        self._characters = 0

    def add(self, entries: list[Any], texts: list[str]) -> None:
        problems: list[str] = []
        ids = pictures_of(entries, self._count, problems)
        self._count += len(entries)
        self.wrong += len(problems)
        self.problems += problems[: NAMED - len(self.problems)]
        for image_id, entry, text in zip(ids, entries, texts, strict=True):
            if image_id is not None:
                self._rotated += "rbox" in entry
                self._append("results", image_id, text)

    def add_images(self, entries: list[Any], texts: list[str]) -> None:
        for entry, text in zip(entries, texts, strict=True):
            image_id = picture_said(entry)
            if image_id is not None:
                self._append("images", image_id, text)

    def add_categories(self, entries: list[Any], texts: list[str]) -> None:
        self._categories += texts

    def finish(self) -> None:
        """Each shard as one file that any reader of COCO results takes.

        Raises:
            FileProblem: some results have rotated boxes, and others have none.
        """
        refuse_mixed(self._rotated, self._count - self.wrong)
        self._write()
        for shard in range(-(-len(self.numbers) // self._size)):
            results, images = (self._folder / f"{shard:06}.{what}" for what in ("results", "images"))
            with (self._folder / _name(shard)).open("wb") as file:
                file.write(b'{"annotations": [')
                _move(results, file)
                file.write(f'], "categories": [{",".join(self._categories)}], "images": ['.encode())
                _move(images, file)
                file.write(b"]}")

    def _append(self, what: str, image_id: int | str, text: str) -> None:
        number = self.numbers.setdefault(image_id, len(self.numbers))
        self._waiting.setdefault(f"{number // self._size:06}.{what}", []).append(text)
        self._characters += len(text)
        if self._characters >= WAITING:
            self._write()

    def _write(self) -> None:
        for name, texts in self._waiting.items():
            with (self._folder / name).open("ab") as file:
                file.write(("," if file.tell() else "").encode() + ",\n".join(texts).encode())
        self._waiting, self._characters = {}, 0


def _move(part: Path, file: BinaryIO) -> None:
    """The content of `part`, if there is any, to where `file` stands."""
    if part.exists():
        with part.open("rb") as stream:
            shutil.copyfileobj(stream, file)
        part.unlink()

"""Pictures of which several inputs, or several pictures of one, tell a part: tiles, and the models of an ensemble.

One pass over all of them sorts the candidates by picture into files, a shard each.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .._shared.arrays import Array, silent
from ..io import Candidates, FileProblem, Predictions, parse_tile_name
from .batch import Batch, Part, grouped, joined
from .durable import durable
from .settings import Job, agreed, differing

NUMBER = re.compile(r"0|[1-9][0-9]{0,17}|[0-9]{12}")
WAITING = 1 << 24  # bytes in memory before they are written
MODEL = "model"  # the name of what is carried along with each box of an ensemble


def cut(
    batches: Iterable[tuple[int, Batch]], size: int, spool: Path, workshop: Path, job: Job, problems: list[str]
) -> list[list[int]]:
    """Sorts the candidates into the folder `spool`. Of each shard: its first picture, and how many there are.

    Args:
        batches: each with the number of its model.
        problems: are told of pictures that belong nowhere.
    """
    numbers: dict[int | str, int] = {}  # picture -> its number, in the order in which they came
    waiting: dict[int, list[bytes]] = {}
    characters = 0
    with durable(spool, workshop) as folder:
        folder.mkdir()
        for model, batch in batches:
            for of, found in batch.pairs():
                try:
                    picture, placed = _placed(of, found, job)
                except FileProblem as problem:
                    problems.append(f"{of.name} {problem}")
                    continue
                number = numbers.setdefault(_one_id(picture.image_id), len(numbers))
                record = _record(number, picture, model, placed)
                waiting.setdefault(number // size, []).append(record)
                characters += len(record)
            if characters >= WAITING:
                _write(folder, waiting)
                waiting, characters = {}, 0
        _write(folder, waiting)
    return [[first, min(size, len(numbers) - first)] for first in range(0, len(numbers), size)]


def read(task: Mapping[str, Any], job: Job, problems: list[str]) -> Iterator[Batch]:
    """The pictures of a shard with all that was found in them, in the order in which they first came."""
    pictures: dict[int, list[tuple[Predictions, Candidates]]] = {}
    with (Path(task["spool"]) / _name(task["where"][0] // task["facts"]["size"])).open("rb") as file:
        for number, of, found in _records(file):
            pictures.setdefault(number, []).append((of, found))

    def wholes() -> Iterator[Part]:
        for number in sorted(pictures):
            parts = pictures.pop(number)
            try:
                yield _whole(parts, job)
            except FileProblem as problem:
                problems.append(f"{parts[0][0].name} {problem}")

    return grouped(wholes())


def _one_id(image_id: int | str) -> int | str:
    """COCO has 7 where Parquet has "7", and a file is called 000000000007: to several models that is one picture."""
    return int(image_id) if isinstance(image_id, str) and NUMBER.fullmatch(image_id) else image_id


@silent()
def _placed(of: Predictions, found: Candidates, job: Job) -> tuple[Predictions, Candidates]:
    """Which picture it is of, and its boxes there."""
    if of.space.needs_size and of.picture_size is None:
        raise FileProblem(f"has boxes that are {of.space.kind}, so the picture's size is needed")
    found = of.in_picture(found)
    if job.step != "merge-tiles":
        return of, found
    try:
        tile = parse_tile_name(of.name.rpartition("/")[2])
    except ValueError as error:
        raise FileProblem(f"is no tile: {error}") from error
    boxes = found.boxes.astype(np.float64)
    offset = [*tile.offset, 0, 0] if found.rotated else [*tile.offset] * 2
    boxes[:, :4] = (boxes[:, :4] + np.array(offset)) / tile.rate
    whole = replace(of, image_id=tile.image, name=tile.image, picture_size=None)
    return whole, found.take(slice(None), boxes, found.scores)


def _record(number: int, of: Predictions, model: int, found: Candidates) -> bytes:
    """A line that says what follows it, and the numbers."""
    told = {
        "number": number,
        "image_id": of.image_id,
        "name": of.name,
        "model": model,
        "boxes": [*found.boxes.shape, found.boxes.dtype.str],
        "scores": found.scores.dtype.str,
        "labels": found.labels is not None,
        "size": of.picture_size,
        "classes": of.classes,
        "category_ids": of.category_ids,
    }
    arrays = [found.boxes, found.scores, *([] if found.labels is None else [found.labels.astype(np.int64)])]
    return json.dumps(told).encode() + b"\n" + b"".join(np.ascontiguousarray(each).tobytes() for each in arrays)


def _records(file: BinaryIO) -> Iterator[tuple[int, Predictions, Candidates]]:
    while line := file.readline():
        told = json.loads(line)
        count, width, dtype = told["boxes"]
        boxes = _array(file, dtype, count * width).reshape(count, width)
        scores = _array(file, told["scores"], count)
        labels = _array(file, "<i8", count) if told["labels"] else None
        of = Predictions(
            told["name"],
            told["image_id"],
            boxes[:0],
            scores[:0],
            classes=tuple(told["classes"]),
            category_ids=tuple(told["category_ids"]),
            picture_size=None if told["size"] is None else tuple(told["size"]),
        )
        extra = {MODEL: np.full(count, told["model"], np.int64)}
        yield told["number"], of, Candidates(boxes, scores, labels, np.arange(count), extra)


def _array(file: BinaryIO, dtype: str, count: int) -> Array:
    kind = np.dtype(dtype)
    return np.frombuffer(file.read(count * kind.itemsize), kind)


def _whole(parts: list[tuple[Predictions, Candidates]], job: Job) -> Part:
    """All parts of a picture as one. A row is a box's place among them."""
    said = [(of, found) for of, found in parts if len(found)] or parts[:1]
    if len({(found.boxes.shape[1], found.labels is None) for _, found in said}) > 1:
        raise FileProblem("has parts with rotated boxes or classes, and parts without")
    names = {of.classes for of, _ in said}
    if job.settings.by_class is not None and len(names) > 1:
        raise FileProblem(
            "has parts whose classes have other names: the thresholds of single classes are found by name"
        )
    together: tuple[str, ...] = ()
    for own in sorted(names):
        if (number := differing(together, own)) is not None:
            told = f"{together[number]!r} and {own[number]!r}"
            raise FileProblem(f"has parts in which class {number} is {told}: boxes of both would meet")
        together = agreed(together, own)
    found = joined(said, 0).found
    whole = replace(found, rows=np.arange(len(found)))
    of = next((of for of, _ in said if isinstance(of.image_id, int)), said[0][0])  # as readers of COCO want it
    return replace(of, classes=together), whole, len(whole)


def _write(folder: Path, waiting: Mapping[int, list[bytes]]) -> None:
    for shard, records in waiting.items():
        with (folder / _name(shard)).open("ab") as file:
            file.writelines(records)


def _name(shard: int) -> str:
    return f"{shard:06}.candidates"

"""The result of a shard in each format: a file, or of YOLO labels a folder with a file a picture."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .._shared.arrays import Array
from ..io import Candidates, FileProblem, Predictions, one_name, write_survivors
from .batch import Batch
from .extras import needed
from .settings import METADATA, Job

PICTURE = re.compile(r"\.(jpe?g|png|bmp|tiff?|webp)$", re.IGNORECASE)
ENDINGS = {"parquet": ".parquet", "coco": ".json", "npz": ".npz", "yolo": ""}


def write(path: Path, batches: Iterable[Batch], job: Job, said: Mapping[str, Any], problems: list[str]) -> None:
    """Writes survivors in pixels of their pictures; `said` goes along where the format has a place for it.

    `problems` are told of pictures that cannot be written.

    Raises:
        FileProblem: the format cannot hold what was found.
    """
    WRITERS[job.format](path, (_in_pictures(batch, problems) for batch in batches), said, problems)


def _in_pictures(batch: Batch, problems: list[str]) -> Batch:
    """Boxes in the unit of a network in that of their pictures. A picture whose size is not known has none."""
    if all(of.space.kind == "picture" for of in batch.of):
        return batch
    parts: list[Candidates] = []
    for of, found in batch.pairs():
        if of.space.needs_size and of.picture_size is None:
            problems.append(f"{of.name}: its boxes are {of.space.kind}, so the picture's size is needed")
            none = slice(0, 0)
            found = found.take(none, found.boxes[none], found.scores[none])
        parts.append(of.in_picture(found))
    return batch.with_parts(parts)


def _parquet(path: Path, batches: Iterable[Batch], said: Mapping[str, Any], problems: list[str]) -> None:
    """A row a detection."""
    arrow = needed("pyarrow", "--format parquet", "parquet")
    classes, ids = Classes(), list[str]()
    parts, pictures = list[Candidates](), list[Array]()
    for batch in batches:
        if batch.found.rotated:
            raise FileProblem("has rotated boxes, for which there are no columns: --format coco and npz have them")
        classes.add(batch.of)
        pictures.append(batch.picture + len(ids))
        ids += [str(of.image_id) for of in batch.of]
        parts.append(batch.found)
    table = _table(arrow, parts, arrow.array(ids, arrow.string()).take(arrow.array(_one(pictures, np.int64))))
    told = json.dumps({**said, "classes": classes.names}, sort_keys=True)
    parquet = needed("pyarrow.parquet", "--format parquet", "parquet")
    parquet.write_table(
        table.replace_schema_metadata({METADATA: told}),
        path,
        row_group_size=max(1, table.num_rows),
        compression="snappy",
        use_dictionary=["image_id", "label"],
    )


def _table(arrow: Any, parts: Sequence[Candidates], image_ids: Any) -> Any:
    """All rows as one piece: how they came must not show in the pages."""
    unknown = np.repeat([one.labels is None for one in parts], list(map(len, parts)))
    labels = [np.zeros(len(one), np.int64) if one.labels is None else one.labels for one in parts]
    sides = _one([one.boxes.reshape(-1, 4) for one in parts], np.float32).reshape(-1, 4).T
    columns = {
        "image_id": image_ids,
        "label": arrow.array(_int32("label", labels), mask=unknown if unknown.any() else None),
        "score": _one([one.scores for one in parts], np.float32),
        **dict(zip(("x1", "y1", "x2", "y2"), np.ascontiguousarray(sides), strict=True)),
        "row": _int32("row", [one.rows for one in parts]),
    }
    return arrow.table(columns)


def _one(parts: Sequence[Array], dtype: Any) -> Array:
    return np.concatenate([np.zeros((0, *parts[0].shape[1:]) if parts else 0, dtype), *parts]).astype(dtype, copy=False)


def _int32(name: str, parts: Sequence[Array]) -> Array:
    values = _one(parts, np.int64)
    if len(values) and not -(2**31) <= int(values.min()) <= int(values.max()) < 2**31:
        raise FileProblem(f"{name}: Parquet's column has 32 bits, got {int(values.min())} to {int(values.max())}")
    return values.astype(np.int32)


class Classes:
    """The names of the classes, if all pictures agree."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self._known: set[tuple[str, ...]] = set()

    def add(self, pictures: Iterable[Predictions]) -> None:
        self._known.update({of.classes for of in pictures if of.classes})
        self.names = next(iter(self._known)) if len(self._known) == 1 else ()


def _by_suffix(path: Path, batches: Iterable[Batch], said: Mapping[str, Any], problems: list[str]) -> None:
    """COCO results, or arrays."""
    write_survivors(path, _pairs(batches), said)


def _pairs(batches: Iterable[Batch]) -> Iterator[tuple[Predictions, Candidates]]:
    for batch in batches:
        yield from batch.pairs()


def _yolo(path: Path, batches: Iterable[Batch], said: Mapping[str, Any], problems: list[str]) -> None:
    """A .txt a picture: class, centre x and y, width, height in shares of the picture, and the score."""
    path.mkdir()
    taken: set[str] = set()
    for of, kept in _pairs(batches):
        if kept.rotated:
            raise FileProblem("has rotated boxes, for which these lines have no place: --format coco and npz have them")
        if of.picture_size is None:
            problems.append(f"{of.name}: --format yolo writes shares of a picture, and its size is not known")
            continue
        name = one_name(re.sub(PICTURE, "", of.name))
        if name.casefold() in taken:
            problems.append(f"{of.name}: another picture of its shard is called {name} too")
            continue
        taken.add(name.casefold())
        shares = kept.boxes.astype(np.float64) / np.array(of.picture_size * 2)
        first, last = shares[:, :2], shares[:, 2:]
        shares = np.concatenate([(first + last) / 2, last - first], 1)
        labels = [0] * len(kept) if kept.labels is None else kept.labels.tolist()
        lines = [
            f"{label} {' '.join(f'{share:.6f}' for share in four)} {score:.6f}\n"
            for label, four, score in zip(labels, shares.tolist(), kept.scores.tolist(), strict=True)
        ]
        (path / f"{name}.txt").write_text("".join(lines), encoding="utf-8")


WRITERS: dict[str, Callable[[Path, Iterable[Batch], Mapping[str, Any], list[str]], None]] = {
    "parquet": _parquet,
    "coco": _by_suffix,
    "npz": _by_suffix,
    "yolo": _yolo,
}

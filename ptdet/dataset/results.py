"""The result of a shard in each format: a file, or of YOLO labels a folder with a file a picture."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .._shared.arrays import Array
from ..io import Candidates, Predictions, one_name, write_survivors
from .batch import Batch, joined
from .extras import needed
from .settings import METADATA, Job, agreed, differing

PICTURE = re.compile(r"\.(jpe?g|png|bmp|tiff?|webp)$", re.IGNORECASE)
ENDINGS = {"parquet": ".parquet", "coco": ".json", "npz": ".npz", "yolo": ""}


def write(path: Path, batches: Iterable[Batch], job: Job, said: Mapping[str, Any], problems: list[str]) -> None:
    """Writes survivors in pixels of their pictures; `said` goes along where the format has a place for it.

    `problems` are told of pictures that cannot be written.

    Raises:
        FileProblem: the file cannot be written.
    """
    classes = Classes(problems)
    in_pictures = (_in_pictures(classes.of(batch), problems) for batch in batches)
    WRITERS[job.format](path, _held(in_pictures, job.format, problems), said, problems, classes)


NOT_ROTATED = {
    "parquet": "rotated boxes, for which there are no columns: --format coco and npz have them",
    "yolo": "rotated boxes, for which these lines have no place: --format coco and npz have them",
}
SURROGATE = re.compile("[\ud800-\udfff]")  # half a letter, which no encoding has


def _held(batches: Iterable[Batch], form: str, problems: list[str]) -> Iterator[Batch]:
    """The pictures that the format can hold; `problems` are told of the others."""
    for batch in batches:
        if batch.found.rotated and form in NOT_ROTATED:
            more = f" and {len(batch.of) - 1} more" if len(batch.of) > 1 else ""
            problems.append(f"{batch.of[0].name}{more} has {NOT_ROTATED[form]}")
        elif form == "parquet":
            yield from _in_columns(batch, problems)
        else:
            yield batch


def _in_columns(batch: Batch, problems: list[str]) -> Iterator[Batch]:
    """The pictures whose ids and classes the columns of Parquet can hold."""
    wrong = {}
    if (labels := batch.found.labels) is not None:
        for row in np.flatnonzero((labels < -(2**31)) | (labels >= 2**31)).tolist():
            place = int(np.searchsorted(batch.offsets, row, "right")) - 1
            wrong[place] = f"has a class {labels[row]}, and Parquet's column has 32 bits"
    for place, of in enumerate(batch.of):
        if SURROGATE.search(str(of.image_id)):
            wrong[place] = f"has an image_id that is no text: {ascii(of.image_id)[:60]}"
    if not wrong:
        yield batch
        return
    problems += [f"{batch.of[place].name} {why}" for place, why in sorted(wrong.items())]
    pairs = [pair for place, pair in enumerate(batch.pairs()) if place not in wrong]
    if pairs:
        yield joined(pairs, batch.stored)


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


def _parquet(
    path: Path, batches: Iterable[Batch], said: Mapping[str, Any], problems: list[str], classes: Classes
) -> None:
    """A row a detection."""
    arrow = needed("pyarrow", "--format parquet", "parquet")
    ids, parts, pictures = list[str](), list[Candidates](), list[Array]()
    for batch in batches:
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
    labels = [np.zeros(len(one), np.int32) if one.labels is None else one.labels for one in parts]
    sides = _one([one.boxes.reshape(-1, 4) for one in parts], np.float32).reshape(-1, 4).T
    columns = {
        "image_id": image_ids,
        "label": arrow.array(_one(labels, np.int32), mask=unknown if unknown.any() else None),
        "score": _one([one.scores for one in parts], np.float32),
        **dict(zip(("x1", "y1", "x2", "y2"), np.ascontiguousarray(sides), strict=True)),
        "row": _one([one.rows for one in parts], np.int32),
    }
    return arrow.table(columns)


def _one(parts: Sequence[Array], dtype: Any) -> Array:
    return np.concatenate([np.zeros((0, *parts[0].shape[1:]) if parts else 0, dtype), *parts]).astype(dtype, copy=False)


class Classes:
    """The names of the classes, if all pictures agree; `problems` are told where they do not."""

    def __init__(self, problems: list[str]) -> None:
        self.names: tuple[str, ...] = ()
        self._known: set[tuple[str, ...]] = set()
        self._problems, self._agree = problems, True

    def of(self, batch: Batch) -> Batch:
        """The same, looked at."""
        for of in batch.of:
            if not of.classes or of.classes in self._known or not self._agree:
                continue
            self._known.add(of.classes)
            number = differing(self.names, of.classes)
            if number is not None:
                told = f"class {number} is {of.classes[number]!r} here, and {self.names[number]!r} in pictures before"
                self._problems.append(f"{of.name}: {told}: --classes says an order for all")
                self.names, self._agree = (), False
            else:
                self.names = agreed(self.names, of.classes)
        return batch


def _coco(path: Path, batches: Iterable[Batch], said: Mapping[str, Any], problems: list[str], _: Classes) -> None:
    write_survivors(path, _with_categories(_pairs(batches), problems), said)


def _with_categories(
    pairs: Iterable[tuple[Predictions, Candidates]], problems: list[str]
) -> Iterator[tuple[Predictions, Candidates]]:
    """The pictures whose classes all have a number of COCO's."""
    for of, kept in pairs:
        known = len(of.category_ids)
        if known and kept.labels is not None and len(kept) and not 0 <= kept.labels.min() <= kept.labels.max() < known:
            problems.append(f"{of.name} has a class that is none of the {known} of --category-ids")
        else:
            yield of, kept


def _npz(path: Path, batches: Iterable[Batch], said: Mapping[str, Any], problems: list[str], classes: Classes) -> None:
    pairs = list(_alike(_pairs(batches), problems))
    write_survivors(path, ((replace(of, classes=classes.names), kept) for of, kept in pairs), said)


def _alike(
    pairs: Iterable[tuple[Predictions, Candidates]], problems: list[str]
) -> Iterator[tuple[Predictions, Candidates]]:
    """The pictures whose arrays can be one with those of the first that has boxes."""
    first: Candidates | None = None
    shapes: dict[str, tuple[int, ...]] = {}  # of what was carried along
    for of, kept in pairs:
        if len(kept):
            first = kept if first is None else first
            own = {name: value.shape[1:] for name, value in kept.extra.items()}
            differs = [name for name in own if shapes.get(name, own[name]) != own[name]]
            if kept.rotated != first.rotated or (kept.labels is None) != (first.labels is None) or differs:
                kinds = {True: "rotated boxes", False: "upright boxes"}
                has = kinds[kept.rotated] if kept.rotated != first.rotated else ", ".join(differs) or "classes"
                has = f"no {has}" if has == "classes" and kept.labels is None else has
                problems.append(f"{of.name} has {has}, unlike those of its shard before it: --format coco holds both")
                continue
            shapes = {**own, **shapes}
        yield of, kept


def _pairs(batches: Iterable[Batch]) -> Iterator[tuple[Predictions, Candidates]]:
    for batch in batches:
        yield from batch.pairs()


def _yolo(path: Path, batches: Iterable[Batch], said: Mapping[str, Any], problems: list[str], _: Classes) -> None:
    """A .txt a picture: class, centre x and y, width, height in shares of the picture, and the score."""
    path.mkdir()
    taken: set[str] = set()
    for of, kept in _pairs(batches):
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


WRITERS: dict[str, Callable[[Path, Iterable[Batch], Mapping[str, Any], list[str], Classes], None]] = {
    "parquet": _parquet,
    "coco": _coco,
    "npz": _npz,
    "yolo": _yolo,
}

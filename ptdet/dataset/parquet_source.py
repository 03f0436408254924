"""Parquet, read by pyarrow: a row a picture, with lists of boxes, scores and labels; or a row a detection.

A shard is a range of rows. Of rows that are detections those of one picture lie together.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from .._shared.arrays import Array, silent
from ..io import BOX_FORMS, Candidates, FileProblem, Predictions, ReadOptions, Space, above
from ..io.corners import ROTATED, no_box
from .batch import Batch
from .extras import needed
from .settings import METADATA, Job, refuse_per_cent

NO_BOXES, NO_SCORES = np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
AT_ONCE = 1 << 21  # bytes of rows that are in memory at a time; more leaves the cache, and is new memory each time
BUFFER = 1 << 16  # bytes of each column; without it pyarrow holds a whole group of rows as it is stored
IDS = ("image_id", "image_ids", "id", "picture", "image")
SCORES = ("score", "scores", "confidence", "conf", "confidences")
LABELS = ("label", "labels", "category_id", "class", "class_id", "classes", "category")
BOXES = ("boxes", "bboxes", "box", "bbox", "xyxy")
WIDTHS, HEIGHTS = ("image_width", "width"), ("image_height", "height")
# the columns of a row that is a detection, and the form of box that they are
SIDES = {
    ("x1", "y1", "x2", "y2"): "xyxy",
    ("xmin", "ymin", "xmax", "ymax"): "xyxy",
    ("cx", "cy", "w", "h"): "cxcywh",
    ("x", "y", "w", "h"): "xywh",
}
EXPECTED = (
    "expected a row a picture with lists: image_id, boxes, scores and labels; or a row a detection: image_id, x1, y1, "
    "x2, y2 (or xmin.., cx cy w h, x y w h), score and label"
)


def cut(path: Path, size: int, options: ReadOptions) -> tuple[list[list[int]], dict[str, Any]]:
    """Of each shard its first picture, how many there are, its first row and how many rows; and the columns' names.

    Raises:
        FileProblem: it is no Parquet, or its columns are not understood.
    """
    parquet = needed("pyarrow.parquet", "Parquet", "parquet")
    with _told(OSError), parquet.ParquetFile(path, pre_buffer=False, buffer_size=BUFFER) as file:
        columns = columns_of(file.schema_arrow, options)
        if columns["nested"]:
            shards = []
            first = 0
            for group in range(file.metadata.num_row_groups):  # one that lay in two would be read twice
                rows = file.metadata.row_group(group).num_rows
                shards += [[first + at, min(size, rows - at)] * 2 for at in range(0, rows, size)]
                first += rows
            return shards, columns
        starts = _starts(file, columns["image_id"])
    ends = np.append(starts[1:], file.metadata.num_rows)
    shards = []
    for first in range(0, len(starts), size):
        count = min(size, len(starts) - first)
        row = int(starts[first])
        shards.append([first, count, row, int(ends[first + count - 1]) - row])
    return shards, columns


def read(task: Mapping[str, Any], job: Job, problems: list[str]) -> Iterator[Batch]:
    """The pictures of a shard."""
    (path,), (_, _, first, count), columns = task["paths"], task["where"], task["facts"]
    with _told():
        stat = os.stat(path)
        stream = _stream(path, json.dumps(columns), stat.st_size, stat.st_mtime_ns)
        reader = TableReader(path, first, job, job.read.classes or _classes(stream.file), columns, problems)
        rows = stream.rows(first, count)
        for table in rows if columns["nested"] else _of_whole_pictures(rows, columns["image_id"]):
            yield from reader.read(table)


class TableReader:
    """Makes pictures of rows. Boxes come with all that was said of them, and only candidates are copied."""

    def __init__(
        self, path: str, row: int, job: Job, classes: tuple[str, ...], columns: Mapping[str, Any], problems: list[str]
    ) -> None:
        self._path, self._row, self._job, self._classes = path, row, job, classes
        self._columns, self._problems = columns, problems
        self._form = job.read.boxes or columns["form"]

    def read(self, table: Any) -> Iterator[Batch]:
        """The pictures of a piece of the shard, as a batch, or none."""
        rows = table.num_rows
        try:
            table = self._without_nulls(table)
            yield self._of_pictures(table) if self._columns["nested"] else self._of_detections(table)
        except FileProblem as problem:
            self._problems.append(f"{self._path}, rows {self._row} to {self._row + rows - 1}: {problem}")
        self._row += rows

    def _without_nulls(self, table: Any) -> Any:
        """The rows that say what they are of."""
        for name in ("image_id",) if self._columns["nested"] else ("image_id", "labels"):
            column = self._column(table, name) if self._columns[name] else None
            if column is not None and column.null_count:
                there = column.is_valid().to_numpy(zero_copy_only=False)
                rows = (np.flatnonzero(~there) + self._row).tolist()
                self._problems += [f"{self._path}, row {row}: {self._columns[name]} is null" for row in rows]
                table = table.filter(_arrow().array(there))
        return table

    def _of_pictures(self, table: Any) -> Batch:
        lists = [name for name in ("boxes", "scores", "labels") if self._columns[name]]
        width = _width(self._form)
        read = [_flat(self._columns[name], self._column(table, name), width) for name in lists]
        flat, lengths = [one for one, _ in read], [one for _, one in read]
        per_box = 1 if flat[0].ndim == 2 else width
        counts = lengths[0] // per_box
        wrong = lengths[0] % per_box != 0
        for one in lengths[1:]:
            wrong |= one != counts
        if wrong.any():
            for row in np.flatnonzero(wrong).tolist():
                told = ", ".join(f"{int(one[row])} {name}" for name, one in zip(lists, lengths, strict=True))
                self._problems.append(f"{self._path}, row {self._row + row}: has {told}")
            return self._of_pictures(table.filter(_arrow().array(~wrong)))
        boxes = flat[0].reshape(-1, flat[0].shape[1] if flat[0].ndim == 2 else width)
        labels = flat[2] if len(flat) == 3 else None
        ids = self._column(table, "image_id").to_pylist()
        return self._batch(ids, np.concatenate([[0], np.cumsum(counts)]), boxes, flat[1], labels, self._sizes(table))

    def _of_detections(self, table: Any) -> Batch:
        column = self._column(table, "image_id")
        starts = _changes(column)
        ids = column.take(_arrow().array(starts)).to_pylist()
        sides = [_numbers(name, table.column(name)) for name in self._columns["boxes"]]
        boxes = np.stack(sides, 1)
        labels = _numbers("label", self._column(table, "labels")) if self._columns["labels"] else None
        offsets = np.append(starts, table.num_rows)
        scores = _numbers("score", self._column(table, "scores"))
        return self._batch(ids, offsets, boxes, scores, labels, self._sizes(table, starts))

    def _column(self, table: Any, name: str) -> Any:
        return table.column(self._columns[name])

    @silent()
    def _batch(
        self,
        ids: list[Any],
        offsets: Array,
        boxes: Array,
        scores: Array,
        labels: Array | None,
        sizes: list[tuple[int, int] | None],
    ) -> Batch:
        read, settings = self._job.read, self._job.settings
        boxes, scores = _floats(boxes), _floats(scores)
        if boxes.shape[1] != _width(self._form):
            raise FileProblem(f"boxes: expected {_width(self._form)} numbers each ({self._form}), got {boxes.shape[1]}")
        if labels is not None and labels.dtype.kind not in "iu":
            raise FileProblem(f"labels: expected whole numbers, got {labels.dtype}, or null")
        if settings.background is not None and labels is None:
            raise FileProblem(f"has no classes, so --background {settings.background} is none of them")
        whole = Predictions("", 0, boxes, scores, labels)
        refuse_per_cent(whole, settings)
        usable = above(scores, settings.lowest)
        if settings.background is not None:
            usable &= labels != settings.background
        rows = np.flatnonzero(usable)  # often few: the rest is asked of them alone
        chosen_boxes = boxes[rows]
        finite, wrong = np.isfinite(chosen_boxes), no_box(chosen_boxes, self._form)[1]
        if wrong.any() or not finite.all():
            whole_boxes = finite.all(1) & ~wrong
            rows, chosen_boxes = rows[whole_boxes], chosen_boxes[whole_boxes]
        chosen = np.searchsorted(rows, offsets)
        picture = np.repeat(np.arange(len(ids)), np.diff(chosen))
        found = Candidates(
            BOX_FORMS[self._form](chosen_boxes),
            scores[rows],
            None if labels is None else labels[rows].astype(np.int64),
            rows - offsets[picture],
        )
        of = _pictures(ids, sizes, self._classes, read)
        return Batch(of, chosen, found, len(boxes))

    def _sizes(self, table: Any, rows: Array | None = None) -> list[tuple[int, int] | None]:
        """Width and height of each picture, where there are columns that say them; of these rows, or of all."""
        if not self._columns["size"]:
            return [None] * (table.num_rows if rows is None else len(rows))
        sides = table.select(self._columns["size"])
        sides = sides if rows is None else sides.take(_arrow().array(rows))
        widths, heights = (side.to_pylist() for side in sides.columns)
        return [(int(w), int(h)) if w and h else None for w, h in zip(widths, heights, strict=True)]


def _pictures(
    ids: list[Any], sizes: list[tuple[int, int] | None], classes: tuple[str, ...], read: ReadOptions
) -> list[Predictions]:
    space = read.space or Space()
    return [
        Predictions(
            str(image_id),
            image_id,
            NO_BOXES,
            NO_SCORES,
            classes=classes,
            category_ids=read.category_ids,
            space=space,
            picture_size=size,
        )
        for image_id, size in zip(ids, sizes, strict=True)
    ]


@contextmanager
def _told(*others: type[Exception]) -> Iterator[None]:
    """What pyarrow raises over a broken file, and `others`, in one line."""
    try:
        yield
    except MemoryError:  # no fault of the file
        raise
    except (_arrow().ArrowException, *others) as error:
        raise FileProblem(f"cannot be read: {type(error).__name__}: {str(error).splitlines()[0]}") from error


def columns_of(schema: Any, options: ReadOptions) -> dict[str, Any]:
    """Which columns say what, as JSON can hold it.

    Raises:
        FileProblem: what is needed is not there.
    """
    if options.logits != "none":
        raise FileProblem(f"holds scores, and --logits {options.logits} is for the outputs of networks")
    names = {name.lower(): name for name in reversed(schema.names)}

    def one_of(known: Sequence[str]) -> str | None:
        return next((names[name] for name in known if name in names), None)

    found: dict[str, Any] = {name: one_of(known) for name, known in (("image_id", IDS), ("scores", SCORES))}
    found["labels"] = one_of(LABELS)
    size = [one_of(WIDTHS), one_of(HEIGHTS)]
    found["size"] = size if all(size) else []
    found["boxes"], found["form"] = one_of(BOXES), "xyxy"
    found["nested"] = found["boxes"] is not None
    if not found["nested"]:
        sides = next((four for four in SIDES if set(four) <= set(names)), None)
        if sides is not None:
            found["boxes"], found["form"] = [names[side] for side in sides], SIDES[sides]
    missing = [name for name in ("image_id", "boxes", "scores") if not found[name]]
    if missing:
        raise FileProblem(f"has no {' and no '.join(missing)} among {', '.join(schema.names)}; {EXPECTED}")
    types = _arrow().types
    lists = schema.field(found["scores"]).type
    if found["nested"] != (types.is_list(lists) or types.is_large_list(lists)):
        raise FileProblem(f"{found['scores']}: got {lists} beside {found['boxes']}; {EXPECTED}")
    return found


def _classes(file: Any) -> tuple[str, ...]:
    """The names of the classes, where the file is one of ours."""
    stored = (file.schema_arrow.metadata or {}).get(METADATA)
    return tuple(json.loads(stored).get("classes", ())) if stored else ()


class _Stream:
    """The rows of a file. Who asks for those that follow the last ones does not read a group of rows a second time."""

    def __init__(self, path: str, columns: Mapping[str, Any]) -> None:
        boxes, size = columns["boxes"], columns["size"]
        sides = boxes if isinstance(boxes, list) else [boxes]
        self._wanted = [columns[name] for name in ("image_id", "scores", "labels") if columns[name]] + sides + size
        self.file = needed("pyarrow.parquet", "Parquet", "parquet").ParquetFile(
            path, pre_buffer=False, buffer_size=BUFFER
        )
        self._at = -1  # the row that comes next
        self._rest: Any = None  # rows that were read and nobody asked for
        self._tables: Iterator[Any] = iter(())

    def rows(self, first: int, count: int) -> Iterator[Any]:
        """So many rows from `first` on, some at a time."""
        if first != self._at:
            self._begin(first)
        while count:
            table = self._rest if self._rest is not None else next(self._tables)
            piece = table.slice(0, count)
            self._rest = table.slice(count) if table.num_rows > count else None
            self._at += piece.num_rows
            count -= piece.num_rows
            if piece.num_rows:
                yield piece

    def _begin(self, first: int) -> None:
        metadata = self.file.metadata
        group, before = 0, 0
        while before + metadata.row_group(group).num_rows <= first:
            before += metadata.row_group(group).num_rows
            group += 1
        info = metadata.row_group(group)
        at_once = max(1, AT_ONCE * info.num_rows // max(1, info.total_byte_size))
        groups = list(range(group, metadata.num_row_groups))
        self._tables = self.file.iter_batches(at_once, groups, self._wanted, use_threads=False)
        self._at, self._rest = before, None
        for _ in self.rows(before, first - before):
            pass


@lru_cache(maxsize=1)  # shards that follow each other are done by one worker
def _stream(path: str, columns: str, size: int, mtime_ns: int) -> _Stream:
    return _Stream(path, json.loads(columns))


def _of_whole_pictures(tables: Iterator[Any], image_id: str) -> Iterator[Any]:
    """The same rows, cut where a picture ends."""
    arrow = _arrow()
    waiting: list[Any] = []
    for table in tables:
        together = arrow.Table.from_batches([*waiting, table]).combine_chunks().to_batches()[0]
        last = int(_changes(together.column(image_id))[-1])
        if last:
            yield together.slice(0, last)
        waiting = [together.slice(last)]
    yield from waiting


def _starts(file: Any, image_id: str) -> Array:
    """The first row of each picture.

    Raises:
        FileProblem: the rows of a picture do not lie together.
    """
    starts, hashes = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for rows, ids in _runs(file, image_id):
        starts.append(rows)
        hashes.append(np.array([hash(each) for each in ids], np.int64))  # eight bytes, where an id takes a hundred
    seen, times = np.unique(np.concatenate(hashes), return_counts=True)
    again = set(seen[times > 1].tolist())
    if again:
        known: set[Any] = set()
        for rows, ids in _runs(file, image_id):
            for row, each in zip(rows.tolist(), ids, strict=True):
                if hash(each) in again and each in known:
                    raise FileProblem(
                        f"row {row}: picture {each} goes on here, and others lie before it: sort the rows by {image_id}"
                    )
                known |= {each} if hash(each) in again else set()
    return np.concatenate(starts)


def _runs(file: Any, image_id: str) -> Iterator[tuple[Array, list[Any]]]:
    """The rows where another picture begins, some at a time, and which picture that is."""
    row, before = 0, object()
    for table in file.iter_batches(AT_ONCE // 16, columns=[image_id], use_threads=False):
        column = table.column(0)
        changes = _changes(column)
        ids = column.take(_arrow().array(changes)).to_pylist()
        goes_on = int(bool(ids) and ids[0] == before)
        yield changes[goes_on:] + row, ids[goes_on:]
        row += len(column)
        before = ids[-1] if ids else before


def _changes(column: Any) -> Array:
    """The rows where an id is another than in the row before, the first one too."""
    types = _arrow().types
    if types.is_string(column.type) or types.is_large_string(column.type):
        column = column.dictionary_encode()
    if types.is_dictionary(column.type):
        column = column.indices
    elif not types.is_integer(column.type):
        raise FileProblem(f"image_id: expected whole numbers or names, got {column.type}")
    codes = column.fill_null(-1).to_numpy(zero_copy_only=False)
    changes: Array = np.flatnonzero(np.concatenate([np.ones(min(1, len(codes)), np.bool_), codes[1:] != codes[:-1]]))
    return changes


def _flat(name: str, column: Any, width: int) -> tuple[Array, Array]:
    """All numbers of a column of lists, (N,) or, of lists of lists, (N, width); and how many each row has."""
    lengths = _lengths(column)
    inner = column.flatten()
    if not hasattr(inner, "flatten") or not inner.type.num_fields:
        return _numbers(name, inner), lengths
    if _arrow().types.is_fixed_size_list(inner.type) and not inner.null_count:
        return _numbers(name, inner.flatten()).reshape(-1, inner.type.list_size), lengths
    sizes = _lengths(inner)
    least, most = (int(sizes.min()), int(sizes.max())) if len(sizes) else (width, width)
    if least != most:
        raise FileProblem(f"{name}: expected as many numbers in each, got {least} to {most}")
    return _numbers(name, inner.flatten()).reshape(-1, most), lengths


def _lengths(column: Any) -> Array:
    lengths = needed("pyarrow.compute", "Parquet", "parquet").list_value_length(column).fill_null(0)
    counts: Array = lengths.to_numpy(zero_copy_only=False).astype(np.int64)
    return counts


def _numbers(name: str, column: Any) -> Array:
    numbers: Array = column.to_numpy(zero_copy_only=False)
    if numbers.dtype.kind not in "fiu":
        raise FileProblem(f"{name}: expected numbers, got {column.type}")
    return numbers.astype(np.float32) if numbers.dtype == np.float16 else numbers


def _floats(numbers: Array) -> Array:
    return numbers if numbers.dtype.kind == "f" else numbers.astype(np.float64)


def _width(form: str) -> int:
    """How many numbers a box of this form has."""
    return ROTATED.get(form, 4)


def _arrow() -> Any:
    return needed("pyarrow", "Parquet", "parquet")

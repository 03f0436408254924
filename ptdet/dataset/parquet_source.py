"""Parquet, read by pyarrow: a row a picture, with lists of boxes, scores and labels; or a row a detection.

A shard is a range of rows. Of rows that are detections those of one picture lie together.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from itertools import compress
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
        self.columns, self._problems = columns, problems
        self._form = job.read.boxes or columns["form"]

    def read(self, table: Any) -> Iterator[Batch]:
        """The pictures of a piece of the shard, as a batch, or none."""
        rows = np.arange(self._row, self._row + table.num_rows)
        self._row += table.num_rows
        try:
            ids = self._column(table, "image_id")
            if ids.null_count:
                table, rows = self._without(table, rows, _is_null(ids), f"{self.columns['image_id']} is null")
            if _arrow().types.is_uint64(ids.type):
                wrong = self._column(table, "image_id").to_numpy(zero_copy_only=False) >= 2**63
                if wrong.any():
                    told = f"{self.columns['image_id']}: expected a number below 2**63"
                    table, rows = self._without(table, rows, wrong, told)
            yield self._of_pictures(table, rows) if self.columns["nested"] else self._of_detections(table, rows)
        except FileProblem as problem:
            self._tell(rows, str(problem))

    def _tell(self, rows: Array, why: str) -> None:
        self._problems.append(f"{self._path}, {_named(rows)}: {why}")

    def _without(self, table: Any, rows: Array, left_out: Array, why: str) -> tuple[Any, Array]:
        """The rows but those that are named here; and their numbers."""
        self._tell(rows[left_out], why)
        return table.filter(_arrow().array(~left_out)), rows[~left_out]

    def _of_pictures(self, table: Any, rows: Array) -> Batch:
        """Whatever is wrong with a row is no fault of its neighbours: which these are hangs on how the file is read."""
        width = _width(self._form)
        boxes, of_boxes, wrong = _flat_boxes(self.columns["boxes"], self._column(table, "boxes"), width)
        if wrong.any():
            told = f"{self.columns['boxes']}: expected lists of {width} numbers ({self._form})"
            return self._of_pictures(*self._without(table, rows, wrong, told))
        scores = self._column(table, "scores")
        counts = {"boxes": of_boxes, "scores": _lengths(scores)}
        labels = None
        if self.columns["labels"]:
            column = self._column(table, "labels")
            counts["labels"] = _lengths(column)
            labels, whole = _whole_numbers(column.flatten())
            wrong = _rows_of(~whole, counts["labels"])
            if wrong.any():
                told = f"{self.columns['labels']}: expected whole numbers below 2**63"
                return self._of_pictures(*self._without(table, rows, wrong, told))
        wrong = np.any([each != of_boxes for each in counts.values()], 0)
        if wrong.any():
            first = int(wrong.argmax())
            told = f"has {', '.join(f'{int(each[first])} {name}' for name, each in counts.items())}"
            same = np.all([each == each[first] for each in counts.values()], 0)
            return self._of_pictures(*self._without(table, rows, same, told))
        ids = self._column(table, "image_id").to_pylist()
        offsets = np.concatenate([[0], np.cumsum(of_boxes)])
        flat = _numbers(self.columns["scores"], scores.flatten())
        return self._batch(ids, offsets, boxes, flat, labels, self._sizes(table))

    def _of_detections(self, table: Any, rows: Array) -> Batch:
        column = self._column(table, "image_id")
        starts = _changes(column)
        ids = column.take(_arrow().array(starts)).to_pylist()
        sides = [_numbers(name, table.column(name)) for name in self.columns["boxes"]]
        boxes = np.stack(sides, 1)
        labels = whole = None
        if self.columns["labels"]:
            labels, whole = _whole_numbers(self._column(table, "labels"))
            if whole.all():
                whole = None
            else:
                self._tell(rows[~whole], f"{self.columns['labels']}: expected whole numbers below 2**63")
        offsets = np.append(starts, table.num_rows)
        scores = _numbers(self.columns["scores"], self._column(table, "scores"))
        return self._batch(ids, offsets, boxes, scores, labels, self._sizes(table, starts), whole)

    def _column(self, table: Any, name: str) -> Any:
        return _plain(table.column(self.columns[name]))

    @silent()
    def _batch(
        self,
        ids: list[Any],
        offsets: Array,
        boxes: Array,
        scores: Array,
        labels: Array | None,
        sizes: list[tuple[int, int] | None],
        usable: Array | None = None,  # (N,): which rows may take part; None: all
    ) -> Batch:
        read, settings = self._job.read, self._job.settings
        boxes, scores = _floats(boxes), _floats(scores)
        if boxes.shape[1] != _width(self._form):
            raise FileProblem(f"boxes: expected {_width(self._form)} numbers each ({self._form}), got {boxes.shape[1]}")
        if settings.background is not None and labels is None:
            raise FileProblem(f"has no classes, so --background {settings.background} is none of them")
        sensible = self._sensible(ids, offsets, boxes, scores)
        if not sensible.all():
            own = np.repeat(sensible, np.diff(offsets))
            return self._batch(
                list(compress(ids, sensible)),
                np.concatenate([[0], np.cumsum(np.diff(offsets)[sensible])]),
                boxes[own],
                scores[own],
                None if labels is None else labels[own],
                list(compress(sizes, sensible)),
                None if usable is None else usable[own],
            )
        over = above(scores, settings.lowest)
        usable = over if usable is None else over & usable
        if settings.background is not None:
            usable &= labels != settings.background
        rows = np.flatnonzero(usable)  # often few: the rest is asked of them alone
        chosen_boxes = boxes[rows]
        finite, (why, odd) = np.isfinite(chosen_boxes), no_box(chosen_boxes, self._form)
        whole_boxes = ~odd if finite.all() else finite.all(1) & ~odd  # a sum over rows of four is slow
        notes = {f"a box over --conf that is not finite or has {why}": rows[~whole_boxes]}
        notes["a score that is not finite"] = np.flatnonzero(~np.isfinite(scores))
        if not whole_boxes.all():
            rows, chosen_boxes = rows[whole_boxes], chosen_boxes[whole_boxes]
        chosen = np.searchsorted(rows, offsets)
        picture = np.repeat(np.arange(len(ids)), np.diff(chosen))
        found = Candidates(
            BOX_FORMS[self._form](chosen_boxes),
            scores[rows],
            None if labels is None else labels[rows],
            rows - offsets[picture],
        )
        of = _pictures(ids, sizes, self._classes, read)
        for note, left_out in notes.items():
            if len(left_out):
                first = int(np.searchsorted(offsets, left_out[0], "right")) - 1
                told = f"{note}: left out here and on, {len(left_out)} in all"
                of[first] = replace(of[first], notes=(*of[first].notes, told))
        return Batch(of, chosen, found, len(boxes))

    def _sensible(self, ids: list[Any], offsets: Array, boxes: Array, scores: Array) -> Array:
        """(P,): which pictures have scores that a threshold above 1 may be meant for."""
        settings = self._job.settings
        sensible = np.ones(len(ids), np.bool_)
        if max(settings.confidence, settings.least_score) > 1:
            for place, (start, end) in enumerate(zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)):
                try:
                    refuse_per_cent(Predictions("", 0, boxes[start:end], scores[start:end]), settings)
                except FileProblem as problem:
                    sensible[place] = False
                    self._problems.append(f"{self._path}: {ids[place]} {problem}")
        return sensible

    def _sizes(self, table: Any, rows: Array | None = None) -> list[tuple[int, int] | None]:
        """Width and height of each picture, where there are columns that say them; of these rows, or of all."""
        if not self.columns["size"]:
            return [None] * (table.num_rows if rows is None else len(rows))
        sides = table.select(self.columns["size"])
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
    labels = [names[name] for name in LABELS if name in names]
    # "label" may be words beside a "category_id"
    numbers = [name for name in labels if schema.names.count(name) > 1 or _is_number(_of_list(schema.field(name).type))]
    found["labels"] = next(iter(numbers or labels), None)
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
    boxes = [found["boxes"]] if found["nested"] else found["boxes"]
    for name in filter(None, [found["image_id"], found["scores"], found["labels"], *boxes, *found["size"]]):
        if schema.names.count(name) > 1:
            raise FileProblem(f"has several columns {name}")
    _check_types(schema, found)
    return found


def _check_types(schema: Any, columns: Mapping[str, Any]) -> None:
    """Refuses a file whose columns hold something else, before any row of it is read."""

    def check(name: str, fits: bool, expected: str) -> None:
        if not fits:
            raise FileProblem(f"{name}: expected {expected}, got {schema.field(name).type}; {EXPECTED}")

    types = _arrow().types
    ids = schema.field(columns["image_id"]).type
    ids = ids.value_type if types.is_dictionary(ids) else ids
    check(columns["image_id"], types.is_integer(ids) or _is_text(ids), "whole numbers or names")
    lists = "lists of numbers" if columns["nested"] else "numbers"
    sides = [] if columns["nested"] else columns["boxes"]
    for name in filter(None, [columns["scores"], columns["labels"], *sides]):
        kind = schema.field(name).type
        check(name, _is_list(kind) == columns["nested"] and _is_number(_of_list(kind)), lists)
    if columns["nested"]:
        kind = _of_list(schema.field(columns["boxes"]).type)
        fits = _is_list(schema.field(columns["boxes"]).type) and _is_number(_of_list(kind))
        check(columns["boxes"], fits, "lists of numbers, or of lists of numbers")


def _is_list(kind: Any) -> bool:
    names = ("list", "large_list", "fixed_size_list", "list_view", "large_list_view")  # some are newer than pyarrow 14
    return any(getattr(_arrow().types, f"is_{name}", lambda kind: False)(kind) for name in names)


def _of_list(kind: Any) -> Any:
    """What the lists hold; of another kind itself."""
    return kind.value_type if _is_list(kind) else kind


def _is_number(kind: Any) -> bool:
    types = _arrow().types  # null is what lists hold that are all empty
    return any(fits(kind) for fits in (types.is_integer, types.is_floating, types.is_decimal, types.is_null))


def _is_text(kind: Any) -> bool:
    types = _arrow().types
    return types.is_string(kind) or types.is_large_string(kind) or str(kind) == "string_view"


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
        groups = list(range(group, metadata.num_row_groups))
        at_once = min(AT_ONCE // _bytes_a_row(metadata.row_group(each)) for each in groups)
        self._tables = self.file.iter_batches(max(1, at_once), groups, self._wanted, use_threads=False)
        self._at, self._rest = before, None
        for _ in self.rows(before, first - before):
            pass


def _bytes_a_row(group: Any) -> int:
    """In memory, where numbers that repeat take four bytes each, and next to none in the file."""
    values = sum(group.column(place).num_values for place in range(group.num_columns))
    stored = max(group.total_byte_size, 4 * values)
    return max(1, int(stored) // max(1, int(group.num_rows)))


@lru_cache(maxsize=1)  # shards that follow each other are done by one worker
def _stream(path: str, columns: str, size: int, mtime_ns: int) -> _Stream:
    return _Stream(path, json.loads(columns))


def _of_whole_pictures(tables: Iterator[Any], image_id: str) -> Iterator[Any]:
    """The same rows, cut where a picture ends."""
    arrow = _arrow()
    waiting: list[Any] = []
    for table in tables:
        together = arrow.Table.from_batches([*waiting, table]).combine_chunks().to_batches()[0]
        last = int(_changes(_plain(together.column(image_id)))[-1])
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
                if each is not None and hash(each) in again and each in known:
                    raise FileProblem(
                        f"row {row}: picture {each} goes on here, and others lie before it: sort the rows by {image_id}"
                    )
                known |= {each} if hash(each) in again else set()
    return np.concatenate(starts)


def _runs(file: Any, image_id: str) -> Iterator[tuple[Array, list[Any]]]:
    """The rows where another picture begins, some at a time, and which picture that is."""
    row, before = 0, object()
    for table in file.iter_batches(AT_ONCE // 16, columns=[image_id], use_threads=False):
        column = _plain(table.column(0))
        changes = _changes(column)
        ids = column.take(_arrow().array(changes)).to_pylist()
        goes_on = int(bool(ids) and ids[0] == before)
        yield changes[goes_on:] + row, ids[goes_on:]
        row += len(column)
        before = ids[-1] if ids else before


def _changes(column: Any) -> Array:
    """The rows where an id is another than in the row before, the first one too."""
    if _is_text(column.type):
        column = column.dictionary_encode()
    if _arrow().types.is_dictionary(column.type):
        column = column.indices
    codes = (column.fill_null(0) if column.null_count else column).to_numpy(zero_copy_only=False)
    others = codes[1:] != codes[:-1]
    if column.null_count:
        null = _is_null(column)
        others |= null[1:] != null[:-1]
    changes: Array = np.flatnonzero(np.concatenate([np.ones(min(1, len(codes)), np.bool_), others]))
    return changes


def _plain(column: Any) -> Any:
    """The same of a type that the functions of pyarrow know."""
    return column.cast(_arrow().large_string()) if str(column.type) == "string_view" else column


def _is_null(column: Any) -> Array:
    null: Array = column.is_null().to_numpy(zero_copy_only=False)
    return null


def _named(rows: Array) -> str:
    """Which rows of a file these are, in a few words."""
    if len(rows) == 1:
        return f"row {rows[0]}"
    if len(rows) and rows[-1] - rows[0] == len(rows) - 1:
        return f"rows {rows[0]} to {rows[-1]}"
    more = f" and {len(rows) - 5} more" if len(rows) > 5 else ""
    return f"rows {', '.join(map(str, rows[:5].tolist()))}{more}"


def _flat_boxes(name: str, column: Any, width: int) -> tuple[Array, Array, Array]:
    """All boxes of a column of lists; how many each row has; and which rows hold something else."""
    lengths = _lengths(column)
    inner = column.flatten()
    if _is_list(inner.type):
        if getattr(inner.type, "list_size", None) == width and not inner.null_count:  # that of each is known
            wrong = np.zeros(len(lengths), np.bool_)
        else:
            wrong = _rows_of(_lengths(inner) != width, lengths)
        return (np.zeros((0, width)) if wrong.any() else _boxes(name, inner.flatten(), width)), lengths, wrong
    wrong = lengths % width != 0
    return (np.zeros((0, width)) if wrong.any() else _boxes(name, inner, width)), lengths // width, wrong


def _boxes(name: str, column: Any, width: int) -> Array:
    return _numbers(name, column).reshape(-1, width)


def _rows_of(wrong: Array, lengths: Array) -> Array:
    """Which rows have an element that is `wrong`; each has so many."""
    rows = np.zeros(len(lengths), np.bool_)
    if wrong.any():
        rows[np.repeat(np.arange(len(lengths)), lengths)[wrong]] = True
    return rows


def _whole_numbers(column: Any) -> tuple[Array, Array]:
    """(N,) int64, and (N,) which of the numbers are such: no null, and as in pandas' columns of floats none is odd."""
    kinds, there = _arrow().types, np.ones(len(column), np.bool_)
    if column.null_count:
        there = ~_is_null(column)
        column = _arrow().array(np.zeros(len(column), np.int64)) if kinds.is_null(column.type) else column.fill_null(0)
    numbers = _numbers("labels", column)
    with np.errstate(invalid="ignore"):
        if numbers.dtype.kind == "f":
            there &= (numbers == np.rint(numbers)) & (np.abs(numbers) < 2.0**63)
        elif numbers.dtype == np.uint64:
            there &= numbers < 2**63
        return (numbers if there.all() else np.where(there, numbers, 0)).astype(np.int64, copy=False), there


def _lengths(column: Any) -> Array:
    lengths = needed("pyarrow.compute", "Parquet", "parquet").list_value_length(column).fill_null(0)
    counts: Array = lengths.to_numpy(zero_copy_only=False).astype(np.int64)
    return counts


def _numbers(name: str, column: Any) -> Array:
    types = _arrow().types
    if types.is_decimal(column.type) or types.is_null(column.type):
        column = column.cast(_arrow().float64())
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

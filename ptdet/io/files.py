"""By suffix: the reader of a file, and the writer of survivors."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

import numpy as np

from .._shared.arrays import Array, silent
from .arrays import npy_in, npz_in, read_npy, read_npz
from .coco import checked_image_id, coco_results, json_in, read_json
from .content import predictions_of
from .dota import is_task1, read_task1
from .predictions import Candidates, FileProblem, Predictions, ReadOptions, as_options, as_path
from .whole_files import whole_file
from .yolo_results import read_yolo_results

NOTHING: Mapping[str, Any] = MappingProxyType({})


def _read_pt(path: Path, options: ReadOptions) -> list[Predictions]:
    try:
        from .tensors import read_pt
    except ModuleNotFoundError as error:
        raise FileProblem("needs torch to be read: pip install torch, or save its tensors as .npz") from error
    return read_pt(path, options)


READERS: dict[str, Callable[[Path, ReadOptions], list[Predictions]]] = {
    ".npz": read_npz,
    ".npy": read_npy,
    ".pt": _read_pt,
    ".pth": _read_pt,
    ".json": read_json,
    ".txt": read_yolo_results,
}


STREAMS: dict[str, Callable[[BinaryIO, str, ReadOptions], list[Predictions]]] = {
    ".npz": npz_in,
    ".npy": npy_in,
    ".json": json_in,
}


@silent()
def read_stream(name: str, file: BinaryIO, options: ReadOptions) -> list[Predictions]:
    """What `read_predictions` returns, of a file of this name that is open, as the member of an archive.

    Raises:
        FileProblem: as there.
    """
    stem, suffix = os.path.splitext(name)
    with _told_in_one_line():
        return STREAMS[suffix.lower()](file, stem, options)


@silent()
def read_lists(name: str, values: Mapping[str, Any], options: ReadOptions) -> list[Predictions]:
    """What `read_predictions` returns, of the named lists of numbers that a JSON object holds.

    Raises:
        FileProblem: as there.
    """
    with _told_in_one_line():
        arrays = {key: np.array(each) if isinstance(each, list) else each for key, each in values.items()}
        return predictions_of(name, arrays, {}, options)


@silent()
def read_predictions(path: str | os.PathLike[str], options: ReadOptions | None = None) -> list[Predictions]:
    """The raw predictions of each picture of a file.

    Args:
        path: a .npz, .npy, .pt, .pth or .json file, or results of YOLO as .txt, or of DOTA's task 1, a Task1_CLASS.txt
            or a folder of them; docs/RUN.md lists what each may hold.
        options: what the file does not say itself.

    Raises:
        FileProblem: in one line, why the file cannot be read and what was expected.
    """
    path, options = as_path("path", path), as_options(options, ReadOptions)
    read = read_task1 if is_task1(path) else READERS.get(path.suffix.lower())
    if not path.exists():
        raise FileProblem("there is no such file")
    if path.is_dir() and read is not read_task1:
        raise FileProblem("is a folder: name its files")
    if read is None:
        raise FileProblem(f"ends in {path.suffix!r}; expected {', '.join(READERS)}, or a file Task1_CLASS.txt")
    may_be_empty = path.is_dir() or path.suffix.lower() == ".txt"  # a class or a picture without detections
    with _told_in_one_line():
        if not may_be_empty and path.stat().st_size == 0:
            raise FileProblem("is empty (0 bytes)")
        return read(path, options)


@contextmanager
def _told_in_one_line() -> Iterator[None]:
    """The parsers of zip, npy and JSON raise what they like over a broken file."""
    try:
        yield
    except FileProblem:
        raise
    except Exception as error:
        said = (str(error).splitlines() or [""])[0]
        raise FileProblem(f"cannot be read: {type(error).__name__}: {said}") from error


def write_survivors(
    path: Path, found: Iterable[tuple[Predictions, Candidates]], said: Mapping[str, Any] = NOTHING
) -> None:
    """Writes the survivors of one or more pictures, in picture pixels: COCO results (.json), or arrays (.npz).

    Args:
        said: what else meta_json of a .npz is to say. COCO results have no place for it.

    Raises:
        FileProblem: for another suffix, or where the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in (".json", ".npz"):
        raise FileProblem(f"ends in {path.suffix!r}; expected .json or .npz")
    try:
        with whole_file(path) as part:
            if suffix == ".json":
                _write_json(part, found)
            else:
                _write_npz(part, list(found), said)
    except OSError as error:
        raise FileProblem(f"cannot be written: {error.strerror or error}") from error


def _write_json(path: Path, found: Iterable[tuple[Predictions, Candidates]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        between = "[\n"
        for record in coco_results(found):
            file.write(between + json.dumps(record))
            between = ",\n"
        file.write("[]\n" if between == "[\n" else "\n]\n")


def _write_npz(path: Path, found: Sequence[tuple[Predictions, Candidates]], said: Mapping[str, Any]) -> None:
    """boxes, scores, labels, rows and what was carried along; of several pictures one after the other, with offsets."""
    boxes = [kept.boxes for _, kept in found]
    boxes = [each for each in boxes if len(each)] or boxes[:1] or [np.zeros((0, 4), np.float32)]
    widths = {each.shape[1] for each in boxes}  # of a picture without boxes nobody knows whether they are rotated
    if len(widths) > 1:
        raise FileProblem("cannot hold pictures with rotated boxes and others without: write them apart")
    arrays: dict[str, Any] = {
        "boxes": _joined(boxes),
        "scores": _joined([kept.scores for _, kept in found] or [np.zeros(0, np.float32)]),
        "rows": _joined([kept.rows for _, kept in found] or [np.zeros(0, np.int64)]),
    }
    ids = [checked_image_id(of.image_id) for of, _ in found]
    meta: dict[str, Any] = {**said, **({"classes": list(found[0][0].classes)} if found else {})}
    if widths == {5}:
        meta["boxes"] = "cxcywhr"
    if all(isinstance(image_id, int) for image_id in ids) or all(isinstance(image_id, str) for image_id in ids):
        arrays["image_ids"] = np.array(ids)
    else:
        meta["image_ids"] = ids  # an array would make "1" of 1
    labels = [kept.labels for _, kept in found if kept.labels is not None]
    if labels:
        if len(labels) < len(found):
            raise FileProblem("cannot hold pictures with classes and others without: write them apart")
        arrays["labels"] = _joined(labels)
    if len(found) != 1:
        arrays["offsets"] = np.cumsum([0, *(len(kept) for _, kept in found)])
    arrays.update(_extra([kept for _, kept in found]))
    of = found[0][0] if found else None
    if of and of.category_ids:
        arrays["category_ids"] = np.array(of.category_ids)
    if of and of.picture_size and len(found) == 1:
        arrays["image_size_hw"] = np.array(of.picture_size[::-1])
    arrays["meta_json"] = np.array(json.dumps(meta))
    np.savez_compressed(path, **arrays)


def _extra(found: Sequence[Candidates]) -> dict[str, Any]:
    """What was carried along, as `extra` or `extra_NAME`; NaN or -1 for pictures of which it was not said."""
    arrays = {}
    for name in sorted({name for kept in found for name in kept.extra}):
        said = [kept.extra[name] for kept in found if name in kept.extra]
        if len({part.shape[1:] for part in said}) > 1:
            raise FileProblem(f"cannot hold pictures that differ in {name}, which was carried along: write them apart")
        none = (np.nan, said[0].dtype) if said[0].dtype.kind == "f" else (-1, np.int64)
        parts = [
            kept.extra.get(name, np.full((len(kept), *said[0].shape[1:]), none[0], dtype=none[1])) for kept in found
        ]
        arrays["extra" if name == "extra" else f"extra_{name}"] = _joined(parts)
    return arrays


def _joined(parts: Sequence[Array]) -> Array:
    """Row after row in memory too, whatever the order of the parts': equal results are equal files."""
    return np.ascontiguousarray(np.concatenate(parts))

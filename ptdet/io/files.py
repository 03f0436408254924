"""By suffix: the reader of a file, and the writer of survivors."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from .arrays import _numpy, read_npy, read_npz, read_pt
from .coco import coco_results, read_json
from .predictions import Candidates, FileProblem, Predictions, ReadOptions

READERS: dict[str, Callable[[Path, ReadOptions], list[Predictions]]] = {
    ".npz": read_npz,
    ".npy": read_npy,
    ".pt": read_pt,
    ".pth": read_pt,
    ".json": read_json,
}


def read_predictions(path: Path, options: ReadOptions | None = None) -> list[Predictions]:
    """The raw predictions of each picture of a file.

    Args:
        path: a .npz, .npy, .pt, .pth or .json file; docs/RUN.md lists what each may hold.
        options: what the file does not say itself.

    Raises:
        FileProblem: in one line, why the file cannot be read and what was expected.
    """
    read = READERS.get(path.suffix.lower())
    if not path.exists():
        raise FileProblem("there is no such file")
    if path.is_dir():
        raise FileProblem("is a folder: name its files")
    if read is None:
        raise FileProblem(f"ends in {path.suffix!r}; expected {', '.join(READERS)}")
    try:
        if path.stat().st_size == 0:
            raise FileProblem("is empty (0 bytes)")
        return read(path, options or ReadOptions())
    except FileProblem:
        raise
    except Exception as error:  # the parsers of zip, npy and JSON raise what they like over a broken file
        said = (str(error).splitlines() or [""])[0]
        raise FileProblem(f"cannot be read: {type(error).__name__}: {said}") from error


def write_survivors(path: Path, found: Sequence[tuple[Predictions, Candidates]]) -> None:
    """Writes the survivors of one or more pictures, in picture pixels: COCO results (.json), or arrays (.npz).

    Raises:
        FileProblem: for another suffix, or where the file cannot be written.
    """
    write = {".json": _write_json, ".npz": _write_npz}.get(path.suffix.lower())
    if write is None:
        raise FileProblem(f"ends in {path.suffix!r}; expected .json or .npz")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, found)
    except OSError as error:
        raise FileProblem(f"cannot be written: {error.strerror or error}") from error


def _write_json(path: Path, found: Sequence[tuple[Predictions, Candidates]]) -> None:
    lines = ",\n".join(json.dumps(record) for record in coco_results(found))
    path.write_text(f"[\n{lines}\n]\n" if lines else "[]\n", encoding="utf-8")


def _write_npz(path: Path, found: Sequence[tuple[Predictions, Candidates]]) -> None:
    """boxes, scores, labels and rows; with several pictures, one after the other, offsets and image_ids too."""
    numpy = _numpy()
    arrays = {
        "boxes": torch.cat([kept.boxes for _, kept in found] or [torch.zeros(0, 4)]).numpy(),
        "scores": torch.cat([kept.scores for _, kept in found] or [torch.zeros(0)]).numpy(),
        "rows": torch.cat([kept.rows for _, kept in found] or [torch.zeros(0, dtype=torch.int64)]).numpy(),
    }
    arrays["image_ids"] = numpy.array([of.image_id for of, _ in found])
    labels = [kept.labels for _, kept in found if kept.labels is not None]
    if labels:
        if len(labels) < len(found):
            raise FileProblem("cannot hold pictures with classes and others without: write them apart")
        arrays["labels"] = torch.cat(labels).numpy()
    if len(found) != 1:
        arrays["offsets"] = numpy.cumsum([0, *(len(kept) for _, kept in found)])
    of = found[0][0] if found else None
    if of and of.category_ids:
        arrays["category_ids"] = numpy.array(of.category_ids)
    if of and of.picture_size and len(found) == 1:
        arrays["image_size_hw"] = numpy.array(of.picture_size[::-1])
    arrays["meta_json"] = numpy.array(json.dumps({"classes": list(of.classes)} if of else {}))
    numpy.savez_compressed(path, **arrays)

"""Truth and detections of a data set, as `ptdet eval` and `ptdet tune` are asked for them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from .._shared.dataset import Detections, Truth
from ..io import (
    DetectionOptions,
    FileProblem,
    ReadOptions,
    TruthOptions,
    check_writable,
    read_detections,
    read_truth,
    whole_file,
)
from ..io.fingerprints import of_file
from .progress import shown_progress


def check_place(option: str, out: Path | None, inputs: Sequence[Path]) -> None:
    """Refuses what could not be written well before any work is done."""
    if out is None:
        return
    if out.is_dir() or out.resolve() in {file.resolve() for file in inputs}:
        what = "is a folder" if out.is_dir() else "is an input: it would be overwritten"
        raise FileProblem(f"{option} {out} {what}")
    try:
        check_writable(out, is_folder=False)
    except FileProblem as problem:
        raise FileProblem(f"{option} {out} {problem}") from problem


def read_truth_of(asked: argparse.Namespace, progress: Callable[[int], None] | None = None) -> Truth:
    """The truth that was asked for."""
    of_truth = TruthOptions(
        format=asked.truth_format,
        classes=asked.classes,
        split=asked.split,
        images=asked.images,
        image_size=asked.image_size,
        boxes=asked.truth_boxes,
        progress=progress,
    )
    try:
        return read_truth(asked.truth, of_truth)
    except FileProblem as problem:
        raise FileProblem(f"--truth {asked.truth} {problem}") from problem


def notes_of(asked: argparse.Namespace, truth: Truth) -> list[str]:
    """Those of the reader, with the file's name."""
    return [f"{asked.truth.name}: {note}" for note in truth.notes]


def read_data_set(
    asked: argparse.Namespace, files: Sequence[Path], reading: ReadOptions, confidence: float | None, raw: bool = False
) -> tuple[Truth, Detections]:
    """The truth that was asked for, and the detections of the files.

    Args:
        confidence, raw: as in `DetectionOptions`.
    """
    with shown_progress([asked.truth, *files]) as progress:
        truth = read_truth_of(asked, progress.read)
        progress.file_done()
        options = DetectionOptions(
            read=replace(reading, progress=progress.read),
            confidence=confidence,
            multi_label=asked.multi_label,
            background=asked.background,
            match=asked.match,
            raw=raw,
            file_done=progress.file_done,
        )
        return truth, read_detections(files, truth, options)


def hashes(files: Sequence[Path]) -> dict[str, str]:
    """Of the bytes of files; what folders hold is told by the hash of what was read."""
    return {str(file): of_file(file) for file in files if file.is_file()}


def write_text(option: str, place: Path, text: str) -> None:
    """All of it or nothing."""
    try:
        with whole_file(place) as part:
            part.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FileProblem(f"{option} {place} cannot be written: {error.strerror or error}") from error

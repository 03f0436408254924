"""The main job, `ptdet run`: raw predictions in, survivors, a table and pictures out."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

import torch

from ..io import Candidates, FileProblem, Predictions, ReadOptions, read_predictions
from .methods import suppress as suppressed


@dataclass(frozen=True)
class Settings:
    """How candidates are chosen and suppressed."""

    method: str = "nms"
    iou_threshold: float = 0.5
    confidence: float = 0.25
    agnostic: bool = False  # boxes of different classes meet too
    multi_label: bool = False  # every class of a box above the confidence is a candidate, not only its best


@dataclass(frozen=True)
class Outcome:
    """One picture before and after. Boxes are in the unit of the file."""

    of: Predictions  # without its boxes, see _light
    stored: int  # how many boxes the file has for it
    candidates: Candidates
    kept: Candidates
    seconds: float  # of the suppression alone


def suppress(predictions: Predictions, settings: Settings) -> Outcome:
    """Runs the method on one picture.

    The boxes are suppressed in the unit in which the file has them: scaling first would round, and could turn a tie.
    """
    found = predictions.candidates(settings.confidence, settings.multi_label)
    idxs = None if settings.agnostic else found.labels
    started = time.perf_counter()
    boxes, scores, keep = suppressed(settings.method, found.boxes, found.scores, idxs, settings.iou_threshold)
    seconds = time.perf_counter() - started
    return Outcome(_light(predictions), len(predictions.boxes), found, found.take(keep, boxes, scores), seconds)


def _light(predictions: Predictions) -> Predictions:
    """What writing needs: thousands of raw files do not fit in memory. COCO results are written back as they were."""
    if predictions.records:
        return predictions
    none = torch.zeros(0)
    return replace(predictions, boxes=torch.zeros(0, 4), scores=none, labels=None, objectness=None)


@dataclass(frozen=True)
class Line:
    """A row of the table: one file."""

    file: Path
    outcomes: list[Outcome]
    problem: str = ""  # why there are none


def run_files(files: Sequence[Path], options: ReadOptions, settings: Settings) -> Iterator[Line]:
    """One line for each file, broken ones too."""
    one = torch.zeros(1)
    suppressed(settings.method, torch.zeros(1, 4), one, one.long(), 0.5)  # the first call loads: not to be timed
    for file in files:
        try:
            yield Line(file, [suppress(one, settings) for one in read_predictions(file, options)])
        except FileProblem as problem:
            yield Line(file, [], str(problem))


def print_table(lines: Sequence[Line], stream: TextIO) -> None:
    """file, pictures, boxes in, candidates over the confidence, kept, ms; a sum below if there are several."""
    cells = []
    for line in lines:
        if not line.problem:
            cells.append((line.file.name, *_counts(line.outcomes)))
    if len(cells) > 1:
        every = [outcome for line in lines for outcome in line.outcomes]
        cells.append((f"{len(cells)} files", *_counts(every)))
    if not cells:
        return
    width = max(4, *(len(cell[0]) for cell in cells))
    print(f"{'file':{width}} {'images':>6} {'boxes in':>9} {'over conf':>9} {'kept':>7} {'ms':>8}", file=stream)
    for name, images, boxes, over, kept, seconds in cells:
        print(f"{name:{width}} {images:6} {boxes:9} {over:9} {kept:7} {seconds * 1e3:8.2f}", file=stream)


def _counts(outcomes: Sequence[Outcome]) -> tuple[int, int, int, int, float]:
    boxes = sum(one.stored for one in outcomes)
    over, kept = sum(len(one.candidates) for one in outcomes), sum(len(one.kept) for one in outcomes)
    return len(outcomes), boxes, over, kept, sum(one.seconds for one in outcomes)


def with_progress(lines: Iterator[Line], total: int) -> Iterator[Line]:
    """Passes the lines on, with a bar on stderr if a person is there to see it and there is something to wait for."""
    if total < 2 or not sys.stderr.isatty():
        yield from lines
        return
    for done, line in enumerate(lines, 1):
        filled = 30 * done // total
        print(f"\r[{'=' * filled}{' ' * (30 - filled)}] {done}/{total} files", end="", file=sys.stderr, flush=True)
        yield line
    print("\r" + " " * 60 + "\r", end="", file=sys.stderr, flush=True)

"""The main job, `ptdet run`: raw predictions in, survivors, a table and pictures out."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

import torch

from ..io import Candidates, FileProblem, Predictions, ReadOptions, above, read_predictions
from .methods import suppress as suppressed


@dataclass(frozen=True)
class Settings:
    """How candidates are chosen and suppressed."""

    method: str = "nms"
    iou_threshold: float = 0.5
    confidence: float = 0.25
    agnostic: bool = False  # boxes of different classes meet too
    multi_label: bool = False  # every class of a box above the confidence is a candidate, not only its best
    min_score: float | None = None  # what a method leaves must be above it; None: above the confidence

    @property
    def least_score(self) -> float:
        return self.confidence if self.min_score is None else self.min_score


@dataclass(frozen=True)
class Outcome:
    """One picture before and after. Boxes are in the unit of the file."""

    of: Predictions  # without its boxes, see _light
    stored: int  # how many boxes the file has for it, without padding
    candidates: Candidates
    kept: Candidates
    seconds: float  # of the suppression alone
    too_low: int  # how many more the method left, with scores that it lowered to Settings.least_score or below


def suppress(predictions: Predictions, settings: Settings) -> Outcome:
    """Runs the method on one picture.

    The boxes are suppressed in the unit in which the file has them: scaling first would round, and could turn a tie.
    """
    for option, value in (("conf", settings.confidence), ("min-score", settings.least_score)):
        if value > 1:
            _refuse_per_cent(predictions, option, value)
    found = predictions.candidates(settings.confidence, settings.multi_label)
    idxs = None if settings.agnostic else found.labels
    started = time.perf_counter()
    boxes, scores, keep = suppressed(settings.method, found.boxes, found.scores, idxs, settings.iou_threshold)
    seconds = time.perf_counter() - started
    left = above(scores, settings.least_score)  # soft and matrix lower them
    kept = found.take(keep[left], boxes[left], scores[left])
    stored = len(predictions.boxes) - predictions.padding
    return Outcome(_light(predictions), stored, found, kept, seconds, len(scores) - len(kept))


def _refuse_per_cent(predictions: Predictions, option: str, value: float) -> None:
    """Scores may be in any unit, but a threshold beyond all that a probability can be is a slip."""
    best = max(predictions.candidates(-math.inf).scores.tolist(), default=0.0)
    if best <= 1:
        raise FileProblem(f"has scores up to {best:.3g}, and --{option} {value:g} is above all: 25 per cent is 0.25")


def _light(predictions: Predictions) -> Predictions:
    """What writing needs: thousands of raw files do not fit in memory. COCO results are written back as they were."""
    if predictions.records:
        return predictions
    none = torch.zeros(0)
    return replace(
        predictions, boxes=torch.zeros(0, 4), scores=none, labels=None, objectness=None, extra={}, left_out=None
    )


@dataclass(frozen=True)
class Line:
    """A row of the table: one file."""

    file: Path
    outcomes: list[Outcome]
    problem: str = ""  # why there are none
    notes: tuple[str, ...] = ()  # what a person should know of it


def run_files(files: Sequence[Path], options: ReadOptions, settings: Settings) -> Iterator[Line]:
    """One line for each file, broken ones too."""
    one = torch.zeros(1)
    suppressed(settings.method, torch.zeros(1, 4), one, one.long(), 0.5)  # the first call loads: not to be timed
    for file in files:
        try:
            found = [suppress(one, settings) for one in read_predictions(file, options)]
            yield Line(file, found, notes=tuple(note for one in found for note in one.of.notes))
        except FileProblem as problem:
            yield Line(file, [], str(problem))


@dataclass(frozen=True)
class Counts:
    """A row of the table: what is left of a file once its results are written."""

    name: str
    images: int
    boxes: int
    over: int
    kept: int
    seconds: float
    too_low: int


def counts(line: Line) -> Counts:
    """The row of a file without a problem."""
    every = line.outcomes
    return Counts(
        line.file.name,
        len(every),
        sum(one.stored for one in every),
        sum(len(one.candidates) for one in every),
        sum(len(one.kept) for one in every),
        sum(one.seconds for one in every),
        sum(one.too_low for one in every),
    )


def print_table(rows: Sequence[Counts], settings: Settings, stream: TextIO) -> None:
    """file, pictures, boxes in, candidates over the confidence, kept, ms; a sum below if there are several."""
    if not rows:
        return
    numbers = zip(*((row.images, row.boxes, row.over, row.kept, row.seconds, row.too_low) for row in rows), strict=True)
    images, boxes, over, kept, seconds, too_low = map(sum, numbers)
    every = Counts(f"{len(rows)} files", images, boxes, over, kept, seconds, too_low)
    shown = [*rows, every] if len(rows) > 1 else rows
    width = max(4, *(len(row.name) for row in shown))
    print(f"{'file':{width}} {'images':>6} {'boxes in':>9} {'over conf':>9} {'kept':>7} {'ms':>8}", file=stream)
    for row in shown:
        line = f"{row.name:{width}} {row.images:6} {row.boxes:9} {row.over:9} {row.kept:7} {row.seconds * 1e3:8.2f}"
        print(line, file=stream)
    if too_low:
        said = (
            f"{settings.method} lowers scores: {too_low} boxes that came to {settings.least_score:g} or below are cut"
        )
        print(f"{said} (--min-score)", file=stream)

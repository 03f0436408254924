"""The main job, `ptdet run`: raw predictions in, survivors, a table and pictures out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from .._shared.arrays import silent
from .._shared.by_class import Kept
from ..dataset.settings import Settings as Settings, limits_of, refuse_per_cent
from ..io import FileProblem, Predictions, ReadOptions, above, read_predictions
from .methods import suppress as suppressed
from .outcome import Outcome
from .units import settle_units


def suppress(predictions: Predictions, settings: Settings) -> Outcome:
    """Runs the method on one picture.

    The boxes are suppressed in the unit in which the file has them: scaling first would round, and could turn a tie.
    """
    refuse_per_cent(predictions, settings)
    found = predictions.candidates(settings.lowest, settings.multi_label, settings.background)
    limits = None if settings.by_class is None else limits_of(predictions, found.labels, settings.by_class)
    if limits is not None and found.labels is not None:
        over = limits.above(found.scores, found.labels)
        found = found.take(over, found.boxes[over], found.scores[over])
    taking = found if settings.pre_topk is None else found.best(settings.pre_topk)
    idxs = None if settings.agnostic else taking.labels

    def choose(rows: Any, iou: float) -> Kept:
        given = taking.boxes[rows], taking.scores[rows], None if idxs is None else idxs[rows]
        return suppressed(settings.method, *given, iou, settings.options)

    started = time.perf_counter()
    if limits is None or taking.labels is None:
        boxes, scores, keep = choose(slice(None), settings.iou_threshold)
    else:
        boxes, scores, keep = limits.suppressed(choose, taking.labels, np.ones(len(taking), bool))
    seconds = time.perf_counter() - started
    enough = above(scores, settings.least_score if limits is None else -math.inf)  # soft and matrix lower them
    if limits is not None and taking.labels is not None:
        enough &= limits.left(scores, taking.labels[keep])
    left = np.flatnonzero(enough)[: settings.max_det]
    kept = taking.take(keep[left], boxes[left], scores[left])
    raw = predictions.scores.ndim == 2
    return Outcome(
        of=predictions.light(),
        stored=len(predictions.boxes) - predictions.padding,
        raw=raw,
        softmax=raw and predictions.objectness is None and settings.background is None and _sum_to_one(predictions),
        candidates=found,
        kept=kept,
        seconds=seconds,
        too_low=len(scores) - int(enough.sum()),
    )


@silent()
def _sum_to_one(predictions: Predictions) -> bool:
    scores = predictions.scores if predictions.left_out is None else predictions.scores[~predictions.left_out]
    return scores.shape[1] > 1 and len(scores) > 0 and bool((np.abs(scores.sum(1, dtype=np.float64) - 1) < 1e-3).all())


@dataclass(frozen=True)
class Line:
    """A row of the table: one file."""

    file: Path
    outcomes: list[Outcome]
    problem: str = ""  # why there are none
    notes: tuple[str, ...] = ()  # what a person should know of it


def run_files(
    files: Sequence[Path],
    options: ReadOptions,
    settings: Settings,
    size_of: Callable[[Predictions], tuple[int, int] | None] = lambda of: of.picture_size,
) -> Iterator[Line]:
    """One line for each file, broken ones too; `size_of` says the width and height of a picture, where known."""
    for file in files:
        try:
            outcomes = [suppress(one, settings) for one in read_predictions(file, options)]
            settled, of_units = settle_units(outcomes, options.space is not None, size_of)
            read = (note for one in outcomes for note in one.of.notes)
            yield Line(file, settled, notes=(*read, *_notes_on_candidates(outcomes, settings), *of_units))
        except FileProblem as problem:
            yield Line(file, [], str(problem))


def _notes_on_candidates(outcomes: Sequence[Outcome], settings: Settings) -> list[str]:
    """How many were left out, and whether they may be of the background."""
    over = sum(len(one.candidates) for one in outcomes)
    most = over if settings.pre_topk is None else settings.pre_topk
    left = sum(min(len(one.candidates), most) for one in outcomes)
    notes = [f"--pre-topk {most} left {over - left} of {over} candidates out"] if left < over else []
    if outcomes and settings.by_class is not None:
        known = {name for one in outcomes for name in one.of.classes}
        unknown = [name for name, own in settings.by_class.classes.items() if own and name not in known]
        notes += [f"--config has thresholds of the class {name!r}, and no class here is called so" for name in unknown]
    if outcomes and all(one.softmax for one in outcomes):
        notes.append("the scores of each box sum to 1: if one of the classes is the background, say --background 0")
    return notes


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

"""The detections of a data set, from all that `ptdet run` reads and writes, with pictures and classes of the truth."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from .._shared.arrays import Array, silent
from .._shared.dataset import Detections, Truth
from .files import read_predictions
from .predictions import Candidates, FileProblem, Predictions, ReadOptions, as_options, as_path
from .same_classes import SameClasses
from .same_pictures import SamePictures

LEAST_OF_HEADS = 0.001  # as detectors are evaluated: without one a head has a thousand boxes of nothing


@dataclass(frozen=True)
class DetectionOptions:
    """What the files do not say, and which boxes of raw predictions count."""

    read: ReadOptions = field(default_factory=ReadOptions)
    confidence: float | None = None  # boxes with a score above it count; None: all, of heads those above .001
    multi_label: bool = False  # every class of a box above the confidence is a detection, not only its best
    background: int | None = None  # the class that stands for nothing
    match: str = "auto"  # a name of same_classes.RULES: how labels become those of the truth
    raw: bool = False  # raw predictions are what is asked for: types stay, since they decide what a suppression keeps
    file_done: Callable[[], None] | None = None  # told after each file


@dataclass
class _Picture:
    """What one file says of one picture of the truth."""

    image: int
    file: Path
    boxes: Array
    xywh: Array | None  # the same as the file has them, where it has them so
    scores: Array
    labels: Array


class _Told:
    """What was left out, and what else is to be said."""

    def __init__(self) -> None:
        self.notes: dict[str, list[str]] = {}  # what is to be said, and of which files
        self.strangers: dict[str, int] = {}  # pictures that the truth lacks -> how many boxes
        self.cut = self.stored = 0

    def say(self, path: Path, note: str) -> None:
        files = self.notes.setdefault(note, [])
        if path.name not in files[-1:]:
            files.append(path.name)

    def said(self) -> list[str]:
        """A line for each note, however many files it is of."""
        return [
            f"{files[0]}{f' and {len(files) - 1} more' if len(files) > 1 else ''}: {note}"
            for note, files in self.notes.items()
        ]


@silent()
def read_detections(
    paths: Sequence[str | os.PathLike[str]], truth: Truth, options: DetectionOptions | None = None
) -> Detections:
    """All detections of the files, in pixels of the pictures; of a picture in the order of the files.

    Args:
        paths: what `read_predictions` takes.
        truth: whose pictures and classes they are of.
        options: what the files do not say themselves.

    Returns:
        Detections; `notes` tells of all that was left out: pictures and classes that the truth lacks.

    Raises:
        TypeError, ValueError: an argument is of another kind.
        FileProblem: naming the file; no picture or no class is one of the truth, or boxes are rotated where those of
            the truth are not.
    """
    options = as_options(options, DetectionOptions)
    if isinstance(paths, (str, bytes)) or not isinstance(paths, Sequence):
        raise TypeError(f"paths: expected a list of files, got {type(paths).__name__}")
    if not isinstance(truth, Truth):
        raise TypeError(f"truth: expected Truth, as read_truth gives it, got {type(truth).__name__}")
    pictures, classes, told = SamePictures(truth), SameClasses(truth, options.match), _Told()
    found = []
    for path in [as_path(f"paths[{n}]", each) for n, each in enumerate(paths)]:
        try:
            found += list(_of_file(path, truth, options, pictures, classes, told))
        except FileProblem as problem:
            raise FileProblem(f"{path} {problem}") from problem
        if options.file_done:
            options.file_done()
    of_truth = told.stored - sum(told.strangers.values())
    notes = [*told.said(), *_on_pictures(found, truth, told), *classes.told(of_truth), *classes.notes]
    if told.cut:
        notes.append(f"{told.cut} detections with scores of {options.confidence:g} or below are left out")
    whole = _joined(found, truth, notes)
    return whole if options.raw else replace(whole, scores=whole.scores.astype(np.float64, copy=False))


def _of_file(
    path: Path,
    truth: Truth,
    options: DetectionOptions,
    pictures: SamePictures,
    classes: SameClasses,
    told: _Told,
) -> Iterator[_Picture]:
    read = read_predictions(path, replace(options.read, size_of=lambda one: _size_in(truth, pictures, one)))
    if said := pictures.settle(read):
        told.say(path, said)
    for one in read:
        for note in one.notes:
            told.say(path, note)
        chosen = _chosen(one, options, told, path)
        told.stored += len(chosen)
        image = pictures.of(one)
        if image is None:
            told.strangers[one.name] = told.strangers.get(one.name, 0) + len(chosen)
            continue
        size = truth.image_sizes[image] if truth.image_sizes else None
        if one.space.needs_size and (one.picture_size or size) is None and len(chosen):
            raise FileProblem(f"{one.name} is in another unit than pixels, and neither file says the picture's size")
        kept = one.in_picture(chosen, size)
        finite = np.isfinite(kept.boxes).all(1)
        if not finite.all():
            told.say(path, "boxes that are not finite in pixels of the picture are left out")
            kept = kept.take(np.flatnonzero(finite), kept.boxes[finite], kept.scores[finite])
        labels = classes.of(one, kept, is_ids=one.records is not None)
        known = labels >= 0
        xywh = _as_stored(one, kept)
        boxes = kept.boxes if options.raw else kept.boxes.astype(np.float64, copy=False)
        yield _Picture(
            image, path, boxes[known], None if xywh is None else xywh[known], kept.scores[known], labels[known]
        )


def _size_in(truth: Truth, pictures: SamePictures, one: Predictions) -> tuple[int, int] | None:
    """The size of the picture, where the truth says it."""
    pictures.settle([one])
    image = pictures.of(one)
    return truth.image_sizes[image] if image is not None and truth.image_sizes else None


def _chosen(one: Predictions, options: DetectionOptions, told: _Told, path: Path) -> Candidates:
    least = options.confidence
    if one.scores.ndim == 2:
        least = LEAST_OF_HEADS if least is None else least
        said = f"raw predictions, whose scores above {least:g} count: suppress them first (ptdet run)"
        if not options.raw:
            told.say(path, said)
        return one.candidates(least, options.multi_label, options.background)
    chosen = one.candidates(-math.inf if least is None else least, background=options.background)
    told.cut += 0 if least is None else len(one.candidates(-math.inf, background=options.background)) - len(chosen)
    return chosen


def _as_stored(one: Predictions, kept: Candidates) -> Array | None:
    """x, y, width and height of COCO results, to the last digit: x2 - x1 would be rounded."""
    if one.records is None or kept.rotated or one.space.kind != "picture":
        return None
    sizes = one.records.sizes[kept.rows]
    return np.concatenate([kept.boxes[:, :2], sizes], 1)


def _on_pictures(found: Sequence[_Picture], truth: Truth, told: _Told) -> list[str]:
    notes = []
    if told.strangers:
        many, names = sum(told.strangers.values()), list(told.strangers)
        if not found:
            ours = ", ".join(map(str, truth.image_ids[:3]))
            said = f"none of the detections' {len(names)} pictures ({names[0]}, ..)"
            raise FileProblem(f"{said} is in the truth ({ours}, ..)")
        some = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        notes.append(f"{many} of {told.stored} detections are left out: the truth has no picture {some}")
    files: dict[int, set[Path]] = {}
    for one in found:
        files.setdefault(one.image, set()).add(one.file)
    without = len(truth.image_ids) - len(files)
    if without:
        notes.append(f"{without} of {len(truth.image_ids)} pictures of the truth have no detections")
    twice = [image for image, of in files.items() if len(of) > 1]
    if twice:
        first = truth.image_ids[twice[0]]
        notes.append(f"{len(twice)} pictures are in several files, whose detections are taken together: {first}, ..")
    return notes


def _joined(found: Sequence[_Picture], truth: Truth, notes: list[str]) -> Detections:
    """Picture by picture in the order of the truth's, as pycocotools ranks equal scores."""
    parts = sorted(found, key=lambda one: one.image)
    widths = {one.boxes.shape[1] for one in parts if len(one.boxes)}
    width = int(truth.boxes.shape[1])
    if len(truth.boxes) and widths - {width}:
        names = {4: "upright", 5: "rotated"}
        told = "convert one of them" if width == 4 else "are they in a file that has rbox, or --boxes cxcywhr?"
        raise FileProblem(f"the truth has {names[width]} boxes and the detections {names[9 - width]} ones: {told}")
    if len(widths) > 1:
        raise FileProblem("some of the detections have rotated boxes and others upright ones")
    as_stored = bool(parts) and all(one.xywh is not None for one in parts)
    boxes = [one.xywh if as_stored and one.xywh is not None else one.boxes for one in parts if len(one.boxes)]
    return Detections(
        boxes=np.concatenate(boxes) if boxes else np.zeros((0, width)),
        scores=np.concatenate([one.scores for one in parts]) if parts else np.zeros(0),
        labels=np.concatenate([one.labels for one in parts]) if parts else np.zeros(0, np.int64),
        images=np.repeat(np.array([one.image for one in parts], np.int64), [len(one.boxes) for one in parts]),
        fmt="xywh" if as_stored else "xyxy",
        notes=tuple(notes),
    )

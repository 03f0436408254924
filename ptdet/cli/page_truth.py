"""The truth of each picture for the page, by picture and class as `ptdet eval` finds them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .._shared.arrays import Array, silent
from .._shared.dataset import Detections, Truth
from .._shared.letterbox import Letterbox
from ..evaluation.inputs import checked
from ..evaluation.matches import AREA_RANGES, match
from ..explorer import There
from ..io import Candidates, FileProblem, Predictions, Space
from ..io.same_classes import SameClasses
from ..io.same_pictures import SamePictures
from .outcome import Outcome
from .with_truth import notes_of, read_truth_of

IOU = 0.5  # where the slider begins
MOST = 100  # detections of a picture and class that count, as ptdet eval has it
NOTHING = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))
Size = tuple[int, int]  # width, height


class PageTruth:
    """The truth that was asked for.

    Raises:
        FileProblem: it cannot be read.
    """

    def __init__(self, asked: argparse.Namespace) -> None:
        self._truth = truth = read_truth_of(asked)
        self.notes = notes_of(asked, truth)
        try:
            self._objects = checked(NOTHING, truth, None)[1]
        except ValueError as error:
            raise FileProblem(f"--truth {asked.truth} {error}") from error
        self._pictures, self._classes = SamePictures(truth), SameClasses(truth, asked.match)
        self._boxes = 0  # whose classes were asked for
        self._files: dict[int, Path] = {}  # where each picture was first

    def settle(self, found: Sequence[Predictions]) -> list[str]:
        """Notes; to be asked of each file before its pictures are."""
        return [said] if (said := self._pictures.settle(found)) else []

    def left_over(self) -> list[str]:
        """What to tell once all files are read."""
        counts = len(self._truth.image_ids), len(self._files)
        if counts[0] == counts[1]:
            return []
        objects = self._objects
        missed = ~objects.ignore & ~objects.crowd & ~np.isin(objects.images, list(self._files))
        told = f"{counts[0] - counts[1]} of {counts[0]} pictures of the truth are not on the page"
        return [f"{told}: ptdet eval counts their {int(missed.sum())} objects as missed, the page does not"]

    def of(self, file: Path, outcome: Outcome, found: Candidates, size: Size | None) -> tuple[There | None, list[str]]:
        """The truth of a picture, and notes: without a truth they say why.

        Args:
            found: all boxes that are on the page.
            size: of the picture, where neither its file nor the truth says it.
        """
        try:
            there, notes = self._there(file, outcome, found, size)
        except FileProblem as problem:
            return None, [f"not compared with the truth: {problem}"]
        return there, notes

    def _there(self, file: Path, outcome: Outcome, found: Candidates, size: Size | None) -> tuple[There, list[str]]:
        of, objects = outcome.of, self._objects
        image = self._pictures.of(of)
        if image is None:
            raise FileProblem("it has no picture of this name")
        first = self._files.setdefault(image, file)
        numbers = found.boxes.shape[1]
        if objects.boxes.size and objects.boxes.shape[1] != numbers:
            ours, others = ("rotated", "upright") if found.rotated else ("upright", "rotated")
            raise FileProblem(f"boxes are {ours}, those of the truth are {others}")
        size = of.picture_size or (self._truth.image_sizes[image] if self._truth.image_sizes else None) or size
        if of.space.needs_size and size is None:
            raise FileProblem("boxes are in another unit than pixels, and neither file says the picture's size")
        way = _way(of.space, size, numbers)
        places = self._classes.of(of, found, is_ids=of.records is not None)
        self._boxes += len(found)
        notes = [*self._classes.told(self._boxes), *self._classes.notes]
        if first != file:
            notes.append(f"{first.name} has boxes of this picture too: each is compared with the truth alone")
        rows = np.flatnonzero(objects.images == image)
        area, (least, most) = objects.area[rows], AREA_RANGES["all"]
        skipped = objects.ignore[rows] | (area < least) | (area > most)
        alone = Truth(
            objects.boxes[rows].reshape(-1, numbers),
            objects.labels[rows],
            np.zeros(len(rows), np.int64),
            (image,),
            objects.class_names,
            crowd=objects.crowd[rows],
            ignore=skipped,
            area=area,
            fmt="xywh",
        )
        there = There(
            boxes=alone.boxes,
            labels=alone.labels,
            skipped=np.where(objects.crowd[rows], 2, skipped),
            names={int(label): objects.class_names[label] for label in np.unique(alone.labels)},
            of_candidates=places,
            way=way,
            size=size,
            counts=_counts(outcome, alone, found, places, size),
        )
        return there, notes


@silent()
def _counts(outcome: Outcome, alone: Truth, found: Candidates, places: Array, size: Size | None) -> tuple[int, int]:
    """How many are false, and how many objects are missed."""
    kept = outcome.of.in_picture(outcome.kept, size)
    place_of = {} if found.labels is None else dict(zip(found.labels.tolist(), places.tolist(), strict=True))
    own = np.zeros(len(kept), np.int64) if kept.labels is None else [place_of[label] for label in kept.labels.tolist()]
    labels, boxes = np.array(own, np.int64), kept.boxes.astype(np.float64)
    sides = boxes[:, 2:4] if kept.rotated else boxes[:, 2:] - boxes[:, :2]
    # the page counts no others either
    good = np.flatnonzero((labels >= 0) & np.isfinite(boxes).all(1) & (sides >= 0).all(1))
    detections = Detections(boxes[good], kept.scores[good], labels[good], np.zeros(len(good), np.int64))
    ranges = {"all": AREA_RANGES["all"]}
    matches = match(detections, alone, iou_thresholds=[IOU], area_ranges=ranges, max_detections=[MOST])
    false, true = (int((matches.outcome == what).sum()) for what in (0, 1))
    return false, int(matches.counted.sum()) - true


def _way(space: Space, size: Size | None, numbers: int) -> dict[str, list[float]]:
    """How boxes come to pixels of the picture, as `Space.to_picture` has it: (x * times - minus) / over.

    Raises:
        FileProblem: for rotated boxes there is no such way.
    """
    times, minus, over = [1.0, 1.0], [0.0, 0.0], 1.0
    if space.kind == "ratio":
        over = space.ratio
    elif space.needs_size and size is not None:
        (width, height), (wide, high) = size, space.size
        if space.kind == "letterbox":
            fitted = Letterbox.fit((height, width), (high, wide), space.center)
            minus, over = [float(fitted.left), float(fitted.top)], fitted.ratio
        elif numbers == 4:
            times = [width / wide, height / high]
        elif wide * height == width * high:
            over = wide / width
        else:
            raise FileProblem("boxes are stretched more on one axis than on the other, and rotated")
    if numbers == 4:
        return {"times": times * 2, "minus": minus * 2, "over": [over] * 4}
    return {"times": [1.0] * 5, "minus": [*minus, 0.0, 0.0, 0.0], "over": [*[over] * 4, 1.0]}

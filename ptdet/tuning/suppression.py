"""A setting applied to the candidates of all pictures at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from .._shared.arrays import Array, Indices, silent
from .._shared.config import Config, Setting
from .._shared.dataset import Detections
from ..numpy._methods import select


@dataclass(frozen=True)
class Kept:
    """What a setting leaves: `detections`, and which candidates they are."""

    detections: Detections
    rows: Indices


class Candidates:
    """The raw detections of a data set, those with a finite box and score."""

    def __init__(self, detections: Detections, classes: int, agnostic: bool) -> None:
        usable = np.isfinite(detections.boxes).all(1) & np.isfinite(detections.scores)
        self.given = detections if usable.all() else taken(detections, np.flatnonzero(usable))
        self.corners = corners(self.given)
        self.classes = classes
        # boxes of one picture meet, and of one class unless told otherwise
        self.groups = self.given.images if agnostic else self.given.images * classes + self.given.labels
        self._above: dict[float, Indices] = {}

    def rows_above(self, conf: float) -> Indices:
        """Compared as doubles, as everywhere."""
        if conf not in self._above:
            self._above[conf] = np.flatnonzero(self.given.scores.astype(np.float64, copy=False) > conf)
        return self._above[conf]

    def suppressed(self, setting: Setting) -> Kept:
        """By decreasing score, ties to the first."""
        rows = self.rows_above(setting.conf)
        boxes, scores, keep = self._selected(setting, rows, setting.threshold)
        left = np.flatnonzero(scores.astype(np.float64, copy=False) > setting.least_score)
        return self._kept(boxes[left], scores[left], rows[keep[left]])

    def by_config(self, config: Config, names: Sequence[str]) -> Kept:
        """The same where classes have thresholds of their own."""
        if not config.classes:
            return self.suppressed(config.setting)
        limits, labels = config.limits(names), self.given.labels
        taking = limits.above(self.given.scores, labels)
        boxes, scores, rows = limits.suppressed(partial(self._selected, config.setting), labels, taking)
        left = limits.left(scores, labels[rows])
        return self._kept(boxes[left], scores[left], rows[left])

    def _selected(self, setting: Setting, rows: Indices, iou: float) -> tuple[Array, Array, Indices]:
        boxes, scores, groups = self.corners, self.given.scores, self.groups
        if len(rows) < len(groups):
            boxes, scores, groups = boxes[rows], scores[rows], groups[rows]
        return select(setting.method, boxes, scores, groups, iou, **setting.options)

    def _kept(self, boxes: Array, scores: Array, rows: Indices) -> Kept:
        """Boxes that no method has moved stay as they were written."""
        found = replace(taken(self.given, rows), scores=scores)
        if self.given.fmt == "xywh" and np.array_equal(boxes, self.corners[rows]):
            return Kept(found, rows)
        return Kept(replace(found, boxes=as_written(boxes, self.given.fmt)), rows)


def taken(detections: Detections, rows: Array) -> Detections:
    """Those of these rows, in this order."""
    return replace(
        detections,
        boxes=detections.boxes[rows],
        scores=detections.scores[rows],
        labels=detections.labels[rows],
        images=detections.images[rows],
    )


def joined(parts: Sequence[Detections]) -> Detections:
    """One after the other."""
    arrays = [(part.boxes, part.scores, part.labels, part.images) for part in parts]
    boxes, scores, labels, images = (np.concatenate(each) for each in zip(*arrays, strict=True))
    return replace(parts[0], boxes=boxes, scores=scores, labels=labels, images=images)


@silent()
def corners(detections: Detections) -> Array:
    """The boxes as x1, y1, x2, y2; rotated ones as they are."""
    boxes = detections.boxes
    if detections.fmt != "xywh" or boxes.shape[1] == 5:
        return boxes
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)


@silent()
def as_written(boxes: Array, fmt: str) -> Array:
    """The reverse."""
    if fmt != "xywh" or boxes.shape[1] == 5:
        return boxes
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)

"""What a tuning looks for, and what that makes of detections: by class, confidence and part of the data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .._shared.arrays import Array, Indices
from .._shared.checks import check_at_least, check_count, one_of
from .._shared.dataset import Detections, Truth
from ..evaluation import IOU_THRESHOLDS, TRUE, Matches, match
from .suppression import taken

OBJECTIVES = ("ap", "ap50", "ar", "f1", "cost")
RANKS = ("ap", "ap50", "ar")  # those that look at the order of the scores, and not at a cut
FIRST_IOU = 0.5  # at which precision, recall, F1 and costs are counted


@dataclass(frozen=True)
class Goal:
    """An objective, with what is demanded besides. Larger is better: a cost counts negative."""

    name: str = "ap"
    cost_fp: float = 1.0  # of a detection that found nothing, and of an object that nothing found
    cost_fn: float = 1.0
    min_precision: float | None = None
    min_recall: float | None = None
    max_det: int = 100  # the best so many of a class and picture count

    def check(self) -> None:
        """Raises TypeError or ValueError that name the argument."""
        one_of("objective", self.name, OBJECTIVES)
        check_at_least("cost_fp", self.cost_fp)
        check_at_least("cost_fn", self.cost_fn)
        for name, value in (("min_precision", self.min_precision), ("min_recall", self.min_recall)):
            if value is not None:
                check_at_least(name, value)
                if value > 1:
                    raise ValueError(f"{name}: expected a share from 0 to 1, got {value:g}")
        check_count("max_det", self.max_det)
        if self.max_det < 1:
            raise ValueError(f"max_det: expected a number above 0, got {self.max_det}")

    @property
    def ranks(self) -> bool:
        """Whether more detections of low scores never harm, unless something else is demanded."""
        return self.name in RANKS

    @property
    def demands(self) -> bool:
        """Whether a setting can be refused."""
        return self.min_precision is not None or self.min_recall is not None

    @property
    def is_sum(self) -> bool:
        """Whether the score of all is the sum of the classes' scores; else it is their mean."""
        return self.name == "cost"

    def of_all(self, per_class: Array) -> Array:
        """(..., K) to (...): NaN stands for classes without objects, and is left out."""
        if self.is_sum:
            added: Array = np.nansum(per_class, -1)
            return added
        there = ~np.isnan(per_class)
        count = there.sum(-1)
        total = np.where(there, per_class, 0.0).sum(-1)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)


@dataclass(frozen=True)
class Scored:
    """(C, W, K): at each confidence, of each row of weights, of each class."""

    per_class: Array  # the score; NaN for a class without objects
    true: Array  # detections that found an object; (C, 1, K), of the first row, where only ranks count
    shown: Array  # these and those that found nothing
    objects: Array  # (W, K)
    goal: Goal

    @cached_property
    def scores(self) -> Array:
        """(C, W)"""
        found: Array = self.goal.of_all(self.per_class)
        return np.where(np.isnan(found), -np.inf, found)

    @cached_property
    def precision(self) -> Array:
        """(C, W) over the detections of all classes; 0 where there are none."""
        return _share(self.true.sum(-1), self.shown.sum(-1))

    @cached_property
    def recall(self) -> Array:
        """(C, W) over the objects of all classes."""
        return _share(self.true.sum(-1), self.objects.sum(-1))

    @property
    def f1_of_all(self) -> Array:
        """(C, W) over the detections of all classes, where the objective `f1` is the mean of the classes'."""
        return _share(2 * self.true.sum(-1), self.shown.sum(-1) + self.objects.sum(-1))

    @property
    def allowed(self) -> Array:
        """(C, W) whether the demands are met."""
        return self._meets(self.precision, self.recall)

    @property
    def allowed_of_class(self) -> Array:
        """(C, W, K)"""
        return self._meets(_share(self.true, self.shown), _share(self.true, self.objects))

    def _meets(self, precision: Array, recall: Array) -> Array:
        return (precision >= (self.goal.min_precision or 0)) & (recall >= (self.goal.min_recall or 0))


class Judge:
    """Scores detections of one data set.

    Args:
        cuts: (C,) confidences, rising: a detection counts at a cut below its score.
        weights: (W, P) how often each picture counts.
    """

    def __init__(self, truth: Truth, goal: Goal, cuts: Array, weights: Indices) -> None:
        self.truth, self.goal, self.cuts, self.weights = truth, goal, np.asarray(cuts, np.float64), weights
        self._ious = IOU_THRESHOLDS if goal.name in ("ap", "ar") else np.array([FIRST_IOU])

    def matches(self, detections: Detections) -> Matches:
        """Which detection finds which object, over all areas."""
        return match(
            detections, self.truth, iou_thresholds=self._ious, area_ranges={"all": (0.0, 1e10)},
            max_detections=(self.goal.max_det,),
        )  # fmt: skip

    def scored(self, detections: Detections, weights: Indices | None = None) -> Scored:
        """At every cut and by each row of weights, those of the judge if none are given."""
        rows = self.weights if weights is None else weights
        matches = self.matches(detections)
        objects = np.stack([matches.positives(row)[:, 0] for row in rows]).astype(np.float64)
        # where nothing depends on the counts of parts of the data, those of the first row are enough
        true, shown = self._counted(matches, rows if self.goal.demands or not self.goal.ranks else rows[:1])
        if self.goal.ranks:
            per_class = self._ranked(detections, matches, rows, objects)
        else:
            per_class = self._of_counts(true, shown, objects, rows.sum(1))
        return Scored(per_class, true, shown, objects, self.goal)

    def _counted(self, matches: Matches, rows: Indices) -> tuple[Array, Array]:
        """(C, W, K) twice: what is above a cut for one IoU threshold is what matching those above it would find."""
        outcome, classes = matches.outcome[:, 0, 0], len(self.truth.class_names)
        counts = np.flatnonzero(outcome <= TRUE)
        # how many cuts lie below the score
        passed = np.searchsorted(self.cuts, matches.found.scores[counts], "left")
        size = len(self.cuts) + 1
        place = matches.found.labels[counts] * size + passed
        is_true, images = outcome[counts] == TRUE, matches.found.images[counts]

        def above(which: Any, row: Indices) -> Array:
            found = np.bincount(place[which], row[images[which]].astype(np.float64), classes * size)
            reached = found.reshape(classes, size)[:, ::-1].cumsum(1)[:, ::-1]
            return reached[:, 1:].T

        everything = np.ones(len(counts), bool)
        return (
            np.stack([above(is_true, row) for row in rows], 1),
            np.stack([above(everything, row) for row in rows], 1),
        )

    def _ranked(self, detections: Detections, matches: Matches, rows: Indices, objects: Array) -> Array:
        """(C, W, K) AP or AR of each class."""
        found: list[Array] = []
        scores = detections.scores.astype(np.float64, copy=False)
        for number, cut in enumerate(self.cuts):
            above = np.flatnonzero(scores > cut)
            if number and len(above) == len(scores):  # as at the cut before
                found.append(found[-1])
                continue
            at_cut = matches if len(above) == len(scores) else self.matches(taken(detections, above))
            found.append(np.stack([self._of_classes(at_cut, row) for row in rows]))
        return np.where(objects > 0, np.stack(found), np.nan)

    def _of_classes(self, matches: Matches, row: Indices) -> Array:
        evaluation = matches.evaluate(None if (row == 1).all() else row)
        if self.goal.name == "ar":
            of_class: Array = evaluation.recall[:, :, 0, -1].mean(0)
        else:
            of_class = evaluation.precision[:, :, :, 0, -1].mean((0, 1))
        return of_class

    def _of_counts(self, true: Array, shown: Array, objects: Array, pictures: Array) -> Array:
        if self.goal.name == "f1":
            return np.where(objects > 0, 2 * true / np.maximum(shown + objects, 1), np.nan)
        wrong, missed = shown - true, objects - true
        cost = self.goal.cost_fp * wrong + self.goal.cost_fn * missed
        each: Array = -cost / np.maximum(pictures, 1)[None, :, None]
        return each


def _share(part: Array, whole: Array) -> Array:
    return np.where(whole > 0, part / np.maximum(whole, 1), 0.0)

"""What an evaluation found, as numbers: COCO's, average precision by class, F1 over confidence, and sums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from .._shared.arrays import Array, Indices
from .._shared.checks import check_number

UNDEFINED = -1.0
FALSE, TRUE, IGNORED, LEFT_OUT = range(4)  # what a detection is, by area range and IoU threshold


@dataclass(frozen=True)
class Ranked:
    """Detections by class and decreasing score, each as often as its picture counts, over all areas."""

    outcome: Array  # (N, T) of every detection: FALSE, TRUE, IGNORED or LEFT_OUT
    scores: Array  # (N,)
    rows: Indices  # (L,) into these
    starts: Indices  # (K + 1,) where the classes begin in `rows`
    objects: Indices  # (K,) that count
    pictures: int

    def of_class(self, label: int) -> Indices:
        return self.rows[self.starts[label] : self.starts[label + 1]]


@dataclass(frozen=True)
class Curve:
    """Precision, recall and F1 of the detections with at least a confidence, for each that a detection has.

    All (S,) float64, by decreasing `scores`. `recall` is -1 where there is no object.
    """

    scores: Array
    precision: Array
    recall: Array
    f1: Array

    @property
    def best(self) -> dict[str, float] | None:
        """The point of largest F1, of equal ones that of the highest confidence; None if there is no detection."""
        return _largest(self.f1, score=self.scores, precision=self.precision, recall=self.recall, f1=self.f1)


@dataclass(frozen=True)
class F1:
    """F1 over confidence at one IoU threshold."""

    iou: float
    all: Curve  # over the detections of all classes
    per_class: tuple[Curve, ...]
    objects: Indices  # (K,) that count

    @cached_property
    def mean(self) -> MeanF1:
        """The mean of the classes' F1 at one confidence for all of them; `all` counts frequent classes for more."""
        there = np.flatnonzero(self.objects).tolist()
        curves = [self.per_class[label] for label in there]
        scores = np.concatenate([np.empty(0), *(curve.scores for curve in curves)])
        order = np.argsort(-scores, kind="stable")
        class_of = np.repeat(np.arange(len(curves)), [len(curve.scores) for curve in curves])[order].tolist()
        values = np.concatenate([np.empty(0), *(curve.f1 for curve in curves)])[order].tolist()
        scores = scores[order]
        own, sums = [0.0] * len(curves), np.empty(len(scores))
        total = 0.0
        for place, (label, value) in enumerate(zip(class_of, values, strict=True)):
            total += value - own[label]
            own[label] = value
            sums[place] = total
        last = _last_of_equal(scores)
        return MeanF1(scores[last], sums[last] / max(len(curves), 1))


@dataclass(frozen=True)
class MeanF1:
    """Both (S,) float64, by decreasing `scores`: the distinct ones of classes with objects."""

    scores: Array
    f1: Array

    @property
    def best(self) -> dict[str, float] | None:
        """The largest, of equal ones that of the highest confidence; None if there is no detection."""
        return _largest(self.f1, score=self.scores, f1=self.f1)


@dataclass(frozen=True)
class OfClasses:
    """What accumulation found of the classes that occur, k of K; the arrays of the others would hold -1 alone."""

    precision: Array  # (k, A, M, T, R)
    recall: Array  # (k, A, M, T)
    scores: Array  # (k, A, M, T, R)
    labels: Indices  # (k,) rising

    def spread(self, values: Array, classes: int) -> Array:
        """(K, ...): -1 in the rows of the others."""
        if len(self.labels) == classes:
            return values
        whole = np.full((classes, *values.shape[1:]), UNDEFINED)
        whole[self.labels] = values
        return whole


@dataclass(frozen=True)
class Evaluation:
    """COCO's evaluation. T IoU thresholds, R recalls, K classes, A area ranges, M limits of detections.

    `precision` (T, R, K, A, M) at each recall, `scores` of that shape: the confidence where it is reached; `recall`
    (T, K, A, M). float64; -1 where a class has no object in the range. They are made when they are asked for: all other
    numbers need the memory of the classes that occur alone.
    """

    of_classes: OfClasses = field(repr=False)
    iou_thresholds: Array
    recall_thresholds: Array
    area_ranges: tuple[str, ...]
    max_detections: tuple[int, ...]
    class_names: tuple[str, ...]
    ranked: Ranked = field(repr=False)

    @cached_property
    def precision(self) -> Array:
        return self.of_classes.spread(self.of_classes.precision, len(self.class_names)).transpose(3, 4, 0, 1, 2)

    @cached_property
    def recall(self) -> Array:
        return self.of_classes.spread(self.of_classes.recall, len(self.class_names)).transpose(3, 0, 1, 2)

    @cached_property
    def scores(self) -> Array:
        return self.of_classes.spread(self.of_classes.scores, len(self.class_names)).transpose(3, 4, 0, 1, 2)

    @cached_property
    def stats(self) -> Mapping[str, float]:
        """AP, AP50, AP75, APs, APm, APl, AR1, AR10, AR100, ARs, ARm, ARl; -1 where undefined.

        AP is the mean over thresholds, recalls and classes that have objects. Other area ranges and limits than COCO's
        have names of theirs: AP and AR with the name or the number behind.
        """
        every_recall = self.of_classes.recall.transpose(3, 0, 1, 2)
        precision, recall = self.of_classes.precision.transpose(3, 4, 0, 1, 2)[..., -1], every_recall[..., -1]
        smaller = list(enumerate(self.area_ranges))[1:]
        found = {"AP": _mean(precision[..., 0])}
        for percent in (50, 75):
            found[f"AP{percent}"] = _mean(precision[self._places(percent / 100)][..., 0])
        found |= {f"AP{name}": _mean(precision[..., a]) for a, name in smaller}
        found |= {f"AR{most}": _mean(every_recall[..., 0, m]) for m, most in enumerate(self.max_detections)}
        return found | {f"AR{name}": _mean(recall[..., a]) for a, name in smaller}

    @property
    def usual_iou(self) -> float:
        """Where one of `iou_thresholds` is asked: 0.5, or the first there is."""
        return 0.5 if len(self._places(0.5)) else float(self.iou_thresholds[0])

    def ap_per_class(self, iou: float | None = None) -> Array:
        """(K,) AP of each class over all areas: mean over the IoU thresholds, or at one of them; -1 without objects."""
        chosen = self.of_classes.precision.transpose(3, 4, 0, 1, 2)[..., 0, -1]
        if iou is not None:
            chosen = chosen[[self._place(iou)]]
        found = np.full(len(self.class_names), UNDEFINED)
        for place, label in enumerate(self.of_classes.labels.tolist()):
            found[label] = _mean(chosen[:, :, place])
        return found

    def all_points_ap(self, iou: float = 0.5) -> Array:
        """(K,) AP of each class over all areas, as VOC since 2010 and DOTA have it; -1 without objects.

        The area under precision over recall at one of `iou_thresholds`, each precision the largest from there on.
        """
        t, ranked = self._place(iou), self.ranked
        found = np.full(len(self.class_names), UNDEFINED)
        for label in np.flatnonzero(ranked.objects).tolist():
            outcome = ranked.outcome[ranked.of_class(label), t]
            true = outcome[outcome <= TRUE] == TRUE
            precision = np.cumsum(true) / np.arange(1, len(true) + 1)
            envelope = np.maximum.accumulate(precision[::-1])[::-1]
            found[label] = envelope[true].sum() / ranked.objects[label]
        return found

    def f1(self, iou: float = 0.5) -> F1:
        """Precision, recall and F1 at each distinct confidence, by class and over all classes, over all areas.

        `.all.best` is F1 over the boxes of all classes; `.mean.best` the mean of the classes' F1, as `tune` has it.

        Args:
            iou: one of `iou_thresholds`.
        """
        t, ranked = self._place(iou), self.ranked
        per_class = [self._curve(ranked.rows[:0], t, 0)] * len(self.class_names)
        for label in self.of_classes.labels.tolist():
            per_class[label] = self._curve(ranked.of_class(label), t, int(ranked.objects[label]))
        whole = self._curve(ranked.rows, t, int(ranked.objects.sum()))
        return F1(float(self.iou_thresholds[t]), whole, tuple(per_class), ranked.objects)

    def counts(self, iou: float = 0.5) -> dict[str, int]:
        """How much was counted, over all areas, at one of `iou_thresholds`.

        pictures; objects that count; detections = true_positives + false_positives + ignored + left_out (beyond the
        largest limit); missed = objects - true_positives.
        """
        outcome = self.ranked.outcome[self.ranked.rows, self._place(iou)]
        false, true, ignored, left_out = (int(each) for each in np.bincount(outcome, minlength=4))
        objects = int(self.ranked.objects.sum())
        return {
            "pictures": self.ranked.pictures, "objects": objects, "detections": len(outcome), "true_positives": true,
            "false_positives": false, "ignored": ignored, "left_out": left_out, "missed": objects - true,
        }  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """All but the arrays over recall, of Python's own types: what `json.dumps` takes."""
        ap, at_half = self.ap_per_class(), self.ap_per_class(0.5) if len(self._places(0.5)) else None
        curves = self.f1(self.usual_iou)
        classes = []
        for label, name in enumerate(self.class_names):
            one: dict[str, Any] = {"name": name, "objects": int(self.ranked.objects[label]), "AP": float(ap[label])}
            if at_half is not None:
                one["AP50"] = float(at_half[label])
            classes.append({**one, "best_f1": curves.per_class[label].best})
        return {
            "stats": dict(self.stats),
            "classes": classes,
            "iou": curves.iou,  # of best_f1, best_mean_f1 and counts
            "best_f1": curves.all.best,
            "best_mean_f1": curves.mean.best,
            "counts": self.counts(curves.iou),
            "iou_thresholds": self.iou_thresholds.tolist(),
            "area_ranges": list(self.area_ranges),
            "max_detections": list(self.max_detections),
        }

    def _places(self, iou: float) -> Indices:
        return np.flatnonzero(np.abs(self.iou_thresholds - iou) < 1e-9)  # 0.75 of numpy.arange is not the double

    def _place(self, iou: float) -> int:
        check_number("iou", iou)
        places = self._places(iou)
        if len(places) == 0:
            raise ValueError(f"iou: expected one of iou_thresholds, {self.iou_thresholds.tolist()}, got {iou}")
        return int(places[0])

    def _curve(self, rows: Indices, t: int, objects: int) -> Curve:
        outcome = self.ranked.outcome[rows, t]
        rows = rows[outcome <= TRUE]
        scores = self.ranked.scores[rows]
        order = np.argsort(-scores, kind="stable")
        scores, found = scores[order], outcome[outcome <= TRUE][order] == TRUE
        last = _last_of_equal(scores)
        true, together = np.cumsum(found)[last].astype(np.float64), last + 1.0
        recall = true / objects if objects else np.full(len(last), UNDEFINED)
        return Curve(scores[last], true / together, recall, 2 * true / (together + objects))


def _largest(f1: Array, /, **columns: Array) -> dict[str, float] | None:
    """What stands where F1 is largest, of equal ones at the first; None if there is nothing."""
    return {name: float(values[f1.argmax()]) for name, values in columns.items()} if len(f1) else None


def _last_of_equal(scores: Array) -> Indices:
    """The place of the last of each run of equal scores."""
    last: Indices = np.flatnonzero(np.append(scores[1:] != scores[:-1], True)[: len(scores)])
    return last


def _mean(values: Array) -> float:
    defined = values[values > UNDEFINED]
    return float(np.mean(defined)) if defined.size else UNDEFINED

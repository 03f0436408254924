"""Which detection finds which object, for several overlaps and areas; the work that no weighting repeats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from numbers import Integral
from typing import Any

import numpy as np

from .._shared.arrays import Array, Indices
from .._shared.checks import MOST, check_number, shown
from .._shared.dataset import Detections, Truth
from .inputs import Found, Objects, Pictures, as_array, checked
from .kernels import accumulate, match_detections
from .summary import Evaluation, OfClasses, Ranked

# Of pycocotools, to the bit.
IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALL_THRESHOLDS = np.linspace(0.0, 1.0, 101)
AREA_RANGES = {"all": (0.0, 1e10), "s": (0.0, 1024.0), "m": (1024.0, 9216.0), "l": (9216.0, 1e10)}
MAX_DETECTIONS = (1, 10, 100)
MOST_COPIES = 2**31  # of a picture


@dataclass(frozen=True)
class Matches:
    """What `match` found.

    `outcome` (N, A, T) uint8 says of each detection, area range and IoU threshold: 0 it found nothing, 1 it found an
    object, 2 it is ignored, 3 it is beyond the largest of `max_detections`. `rank` (N,) int64 is its place among the
    detections of its class and picture, by decreasing score. `order` (N,) int64 lists the detections by class, then
    decreasing score, then picture, then row.
    """

    outcome: Array
    rank: Indices
    order: Indices
    iou_thresholds: Array
    area_ranges: Mapping[str, tuple[float, float]]
    max_detections: tuple[int, ...]
    class_names: tuple[str, ...]
    num_images: int
    found: Found = field(repr=False)
    objects: Objects = field(repr=False)

    @cached_property
    def taken(self) -> Indices:
        """(N, A, T) int64: the row of the truth that a detection took, counted or ignored; -1: none."""
        bounds = np.array(list(self.area_ranges.values()), np.float64)
        most = self.max_detections[-1]
        taken = match_detections(self.found, self.objects, self.iou_thresholds, bounds, most, wants_taken=True)[3]
        assert taken is not None
        return taken

    @cached_property
    def counted(self) -> Array:
        """(G, A) bool: the objects that an area range asks for."""
        area, skipped = self.objects.area, self.objects.crowd | self.objects.ignore
        within = [(area >= low) & (area <= high) & ~skipped for low, high in self.area_ranges.values()]
        return np.stack(within, 1)

    @cached_property
    def _runs(self) -> tuple[Indices, Indices]:
        """Where in `order` each picture's detections of one class and score begin, and how many they are.

        They stay together in each copy of the picture.
        """
        keys = self.found.labels[self.order], self.found.images[self.order], self.found.scores[self.order]
        new = np.ones(len(self.order), np.bool_)
        new[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
        first = np.flatnonzero(new)
        return first, np.diff(first, append=len(self.order))

    def rows(self, weights: Indices | None) -> tuple[Indices, Indices]:
        """`order` with the detections of a picture as often as it counts, and where each class begins in it."""
        order, labels = self.order, self.found.labels
        if weights is not None and weights.max(initial=0) <= 1:  # no picture is there twice
            order = order[(weights > 0)[self.found.images[order]]]
            labels = labels[order]
        elif weights is not None:
            first, length = self._runs
            copies = weights[self.found.images[order[first]]]
            begin = np.repeat(np.cumsum(length * copies) - length * copies, length * copies)
            place = (np.arange(len(begin)) - begin) % np.repeat(length, length * copies)
            order = order[np.repeat(first, length * copies) + place]
            labels = labels[order]
        starts = np.zeros(len(self.class_names) + 1, np.int64)
        starts[1:] = np.cumsum(np.bincount(labels, minlength=len(self.class_names)))
        return order, starts

    def positives(self, weights: Indices | None) -> Indices:
        """(K, A) int64: how many objects count."""
        classes = len(self.class_names)
        weight = None if weights is None else weights[self.objects.images].astype(np.float64)
        per_range = []
        for counted in self.counted.T:
            chosen = None if weight is None else weight[counted]
            per_range.append(np.bincount(self.objects.labels[counted], chosen, classes))
        return np.stack(per_range, 1).astype(np.int64)

    def evaluate(self, weights: Any = None, *, recall_thresholds: Any = None) -> Evaluation:
        """COCO's numbers over these matches.

        Args:
            weights: (pictures,) integers >= 0, how often each picture counts: 0 leaves it out, 2 counts it twice, as
                if it stood there twice. None: each once.
            recall_thresholds: (R,) increasing numbers, where precision is read; None: 0, 0.01, ... 1.
                `numpy.linspace(0, 1, 11)` are the 11 points of VOC 2007.

        Raises:
            TypeError, ValueError: naming the argument, what was expected and what came.
        """
        counts = None if weights is None else _weights(weights, self.num_images)
        recalls = (
            RECALL_THRESHOLDS if recall_thresholds is None else _increasing("recall_thresholds", recall_thresholds)
        )
        rows, starts = self.rows(counts)
        limits = np.array(self.max_detections, np.int64)
        positives = self.positives(counts)
        # a class that occurs nowhere has no rows: those of the others stay one after the other
        labels = np.flatnonzero(positives.any(1) | (np.diff(starts) > 0))
        begins = np.append(starts[labels], starts[-1])
        found = accumulate(self.outcome, self.rank, rows, begins, self.found.scores, positives[labels], recalls, limits)
        pictures = self.num_images if counts is None else int(counts.sum())
        return Evaluation(
            OfClasses(*found, labels),
            self.iou_thresholds,
            recalls,
            tuple(self.area_ranges),
            self.max_detections,
            self.class_names,
            Ranked(self.outcome[:, 0], self.found.scores, rows, starts, positives[:, 0], pictures),
        )


def match(
    detections: Detections | Pictures,
    truth: Truth | Pictures,
    *,
    fmt: str | None = None,
    iou_thresholds: Any = None,
    area_ranges: Mapping[str, tuple[float, float]] | None = None,
    max_detections: Sequence[int] = MAX_DETECTIONS,
) -> Matches:
    """Matches detections with the objects of their class and picture; the arguments are those of `evaluate`."""
    found, objects = checked(detections, truth, fmt)
    thresholds = IOU_THRESHOLDS if iou_thresholds is None else _increasing("iou_thresholds", iou_thresholds)
    ranges = _ranges(AREA_RANGES if area_ranges is None else area_ranges)
    limits = _limits(max_detections)
    _expect_other_names(ranges, limits)
    bounds = np.array(list(ranges.values()), np.float64)
    outcome, rank, order, _ = match_detections(found, objects, thresholds, bounds, limits[-1])
    return Matches(
        outcome, rank, order, thresholds, ranges, limits, objects.class_names, objects.num_images, found, objects
    )


def evaluate(
    detections: Detections | Pictures,
    truth: Truth | Pictures,
    *,
    fmt: str | None = None,
    iou_thresholds: Any = None,
    area_ranges: Mapping[str, tuple[float, float]] | None = None,
    max_detections: Sequence[int] = MAX_DETECTIONS,
    recall_thresholds: Any = None,
) -> Evaluation:
    """COCO's evaluation: average precision and recall of detections, the numbers of pycocotools.

    Args:
        detections: `Detections` of a data set, or a list of dicts, one a picture, in torchmetrics' form: boxes (n, 4),
            scores (n,), labels (n,). NumPy arrays or torch tensors, boxes in pixels.
        truth: `Truth`, or such a list: boxes, labels, and where wanted iscrowd, area, ignore (n,). Boxes (n, 5) of
            both, centre x, centre y, width, height, angle in radians, are rotated; their overlap is
            `ptdet.rotated.box_iou`.
        fmt: of a list's boxes: "xyxy" (None) or "xywh". The records have their own. Boxes "xywh" are taken as they
            are; of "xyxy" the sides are x2 - x1, y2 - y1 in float64.
        iou_thresholds: (T,) increasing; None: 0.5, 0.55, ... 0.95.
        area_ranges: name -> (least, most) area in square pixels, both within; None: all, s, m and l of COCO. The first
            is that of AP; a detection that finds nothing is ignored outside.
        max_detections: the best so many of a class and picture, increasing; the last is that of AP.
        recall_thresholds: (R,) increasing, where precision is read; None: 0, 0.01, ... 1.

    Returns:
        `Evaluation`: `.stats`, `.precision`, `.recall`, `.scores`, `.ap_per_class()`, `.f1()`, `.counts()`,
        `.to_json()`.

    Detections of a class and picture choose by decreasing score, equal scores by row. Each takes the free object of
    largest IoU, of equal ones the last, among those that count before those that do not: crowds (IoU over the
    detection's area; any number may take one), `ignore`, and objects outside the area range. Then equal scores are
    ranked by picture, in the order of `image_ids`; pycocotools sorts the ids. `ignore` does what it says; pycocotools
    overwrites the key with iscrowd. Nothing at all is no error: what is undefined is -1.

    VOC's and DOTA's `difficult` is `ignore`. Their own tools differ: a detection asks for the object of largest IoU
    even if that is taken, at IoU above 0.5, and has no limit a picture. Thresholds of 0.5, and of 0.5 to 0.95, are
    their AP50 and AP50:95.

    Source: pycocotools 2.0.11 (Lin et al. 2014).

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came: numbers that are not finite, sides
            below 0, lengths, labels and pictures out of range.

    >>> import numpy as np, ptdet
    >>> truth = [{"boxes": np.array([[0., 0., 10., 10.]]), "labels": np.array([0])}]
    >>> found = [{"boxes": np.array([[0., 0., 10., 8.]]), "scores": np.array([.9]), "labels": np.array([0])}]
    >>> round(ptdet.evaluate(found, truth).stats["AP"], 3)
    0.7
    """
    matches = match(
        detections,
        truth,
        fmt=fmt,
        iou_thresholds=iou_thresholds,
        area_ranges=area_ranges,
        max_detections=max_detections,
    )
    return matches.evaluate(recall_thresholds=recall_thresholds)


def _increasing(name: str, value: Any) -> Array:
    numbers = np.array(as_array(name, value), np.float64)
    if numbers.ndim != 1 or len(numbers) == 0 or not np.isfinite(numbers).all() or (np.diff(numbers) <= 0).any():
        raise ValueError(f"{name}: expected increasing finite numbers, at least one, got {shown(value)}")
    return numbers


def _ranges(given: Any) -> dict[str, tuple[float, float]]:
    if not isinstance(given, Mapping):
        raise TypeError(f"area_ranges: expected a dict of name: (least, most), got {type(given).__name__}")
    ranges = {}
    for name, bounds in given.items():
        if not isinstance(name, str) or not isinstance(bounds, Sequence) or len(bounds) != 2:
            raise ValueError(f"area_ranges: expected name: (least, most), got {name!r}: {bounds!r}")
        for bound in bounds:
            check_number(f"area_ranges[{name!r}]", bound)
        if bounds[0] > bounds[1]:
            raise ValueError(f"area_ranges[{name!r}]: expected least <= most, got {bounds!r}")
        ranges[name] = (float(bounds[0]), float(bounds[1]))
    if not ranges:
        raise ValueError("area_ranges: expected at least one, got none")
    return ranges


def _limits(given: Any) -> tuple[int, ...]:
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise TypeError(f"max_detections: expected a list of integers, got {type(given).__name__}")
    if not all(isinstance(one, Integral) and not isinstance(one, bool) for one in given):
        raise TypeError(f"max_detections: expected integers, got {given!r}")
    limits = tuple(int(one) for one in given)
    if not limits or limits[0] < 1 or any(a >= b for a, b in zip(limits, limits[1:], strict=False)):
        raise ValueError(f"max_detections: expected increasing numbers >= 1, at least one, got {given!r}")
    if limits[-1] > MOST:
        raise ValueError(f"max_detections: expected numbers below 2**63, got {shown(limits[-1])}")
    return limits


def _expect_other_names(ranges: Mapping[str, Any], limits: Sequence[int]) -> None:
    """`Evaluation.stats` has AP50, AR100 and the like, and names of the smaller ranges in their places."""
    taken = {"", "50", "75", *map(str, limits)}
    for name in list(ranges)[1:]:
        if name in taken:
            raise ValueError(f"area_ranges: expected names that stats does not have yet, got {name!r}")


def _weights(given: Any, num_images: int) -> Indices:
    weights = as_array("weights", given)
    if weights.shape != (num_images,):
        raise ValueError(f"weights: expected shape ({num_images},), got {weights.shape}")
    if weights.size and weights.dtype.kind not in "iub":
        raise TypeError(f"weights: expected integers, got {weights.dtype}")
    if weights.size and not 0 <= weights.min() <= weights.max() < MOST_COPIES:
        wrong = weights.min() if weights.min() < 0 else weights.max()
        raise ValueError(f"weights: expected numbers in [0, 2**31), got {wrong}")
    return weights.astype(np.int64)

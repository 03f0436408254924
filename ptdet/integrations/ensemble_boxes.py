"""ensemble-boxes' functions for arrays or lists of normalised boxes; neither it nor torch is imported."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import numpy as _ptdet
from .._shared.checks import check_at_least, check_number
from .._shared.weights import one_a_model

__all__ = ["nms", "nms_method", "non_maximum_weighted", "soft_nms", "weighted_boxes_fusion"]

Found = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]
KINDS = {1: "linear", 2: "gaussian", 3: "hard"}
SMALLEST = sys.float_info.min


class _Lists(NamedTuple):
    boxes: list[NDArray[Any]]
    scores: list[NDArray[Any]]
    labels: list[NDArray[Any]]


def weighted_boxes_fusion(
    boxes_list: Sequence[Any],
    scores_list: Sequence[Any],
    labels_list: Sequence[Any],
    weights: Sequence[float] | None = None,
    iou_thr: float = 0.55,
    skip_box_thr: float = 0.0,
    conf_type: str = "avg",
    allows_overflow: bool = False,
) -> Found:
    """ensemble_boxes.weighted_boxes_fusion: boxes, scores, labels, float64, by decreasing confidence.

    Boxes are put right as there: corners swapped, clipped to [0, 1], those without area left out. One UserWarning says
    how many of each; the original gives one for each kind. So do the other functions here.

    Args:
        weights: finite, at least 0, one of them above: what a 0 makes NaN in the original is finite here.

    Raises:
        TypeError, ValueError: where the original prints and goes on, ends the process, or returns NaN.
    """
    given, shares = _fused_lists(boxes_list, scores_list, labels_list, weights, skip_box_thr)
    fused, scores, labels = _ptdet.weighted_boxes_fusion(
        *given, shares, iou_thr, skip_box_thr, conf_type, allows_overflow
    )
    return fused, scores, labels.astype(np.float64)


def non_maximum_weighted(
    boxes_list: Sequence[Any],
    scores_list: Sequence[Any],
    labels_list: Sequence[Any],
    weights: Sequence[float] | None = None,
    iou_thr: float = 0.55,
    skip_box_thr: float = 0.0,
) -> Found:
    """ensemble_boxes.non_maximum_weighted: boxes, scores, labels, float64, by decreasing score."""
    given, shares = _fused_lists(boxes_list, scores_list, labels_list, weights, skip_box_thr)
    fused, scores, labels = _ptdet.non_maximum_weighted(*given, shares, iou_thr, skip_box_thr)
    return fused, scores, labels.astype(np.float64)


def nms(
    boxes: Sequence[Any],
    scores: Sequence[Any],
    labels: Sequence[Any],
    iou_thr: float = 0.5,
    weights: Sequence[float] | None = None,
) -> Found:
    """ensemble_boxes.nms: boxes, scores, labels; label after label, each by decreasing score."""
    return _suppressed(boxes, scores, labels, 3, iou_thr, 0.5, 0.001, weights)


def soft_nms(
    boxes: Sequence[Any],
    scores: Sequence[Any],
    labels: Sequence[Any],
    method: int = 2,
    iou_thr: float = 0.5,
    sigma: float = 0.5,
    thresh: float = 0.001,
    weights: Sequence[float] | None = None,
) -> Found:
    """ensemble_boxes.soft_nms, but with the decayed scores: the original selects by them and returns the others.

    Args:
        method: 1 linear, 2 gaussian, 3 hard.
    """
    return _suppressed(boxes, scores, labels, method, iou_thr, sigma, thresh, weights)


def nms_method(
    boxes: Sequence[Any],
    scores: Sequence[Any],
    labels: Sequence[Any],
    method: int = 3,
    iou_thr: float = 0.5,
    sigma: float = 0.5,
    thresh: float = 0.001,
    weights: Sequence[float] | None = None,
) -> Found:
    """ensemble_boxes.nms_method; see `nms` and `soft_nms`."""
    return _suppressed(boxes, scores, labels, method, iou_thr, sigma, thresh, weights)


def _suppressed(
    boxes: Sequence[Any],
    scores: Sequence[Any],
    labels: Sequence[Any],
    method: int,
    iou_thr: float,
    sigma: float,
    thresh: float,
    weights: Sequence[float] | None,
) -> Found:
    if method not in KINDS:
        raise ValueError(f"method: expected 1, 2 or 3, got {method!r}")
    given = _lists(boxes, scores, labels, None)
    of_all = np.concatenate(given.scores)
    if (shares := _weights(weights, len(given.boxes))) is not None:
        of_all = of_all * np.repeat(shares, [len(one) for one in given.scores]) / np.sum(shares)
    all_boxes, all_labels = np.concatenate(given.boxes), np.concatenate(given.labels)
    if method == 3:
        keep: Any = _ptdet.batched_nms(all_boxes, of_all, all_labels, iou_thr)
        kept = of_all[keep]
    else:
        kept, keep = _ptdet.soft_nms(
            all_boxes, of_all, iou_thr, all_labels, sigma=sigma, min_score=thresh, kind=KINDS[method]
        )
    order = np.argsort(all_labels[keep], kind="stable")
    return all_boxes[keep][order], kept[order], all_labels[keep][order]


def _fused_lists(
    boxes_list: Sequence[Any],
    scores_list: Sequence[Any],
    labels_list: Sequence[Any],
    weights: Sequence[float] | None,
    skip_box_thr: float,
) -> tuple[_Lists, list[float] | None]:
    check_number("skip_box_thr", skip_box_thr)
    given = _lists(boxes_list, scores_list, labels_list, skip_box_thr)
    shares = _weights(weights, len(given.boxes))
    return given, None if shares is None else [max(one, SMALLEST) for one in shares]  # ptdet's are above 0


def _lists(
    boxes_list: Sequence[Any], scores_list: Sequence[Any], labels_list: Sequence[Any], least: float | None
) -> _Lists:
    """What is left of each model after its boxes were put right; boxes whose score is below `least` are not told of."""
    if len(boxes_list) == 0 or not len(boxes_list) == len(scores_list) == len(labels_list):
        raise ValueError(
            f"boxes_list, scores_list, labels_list: expected one item a model in each, got {len(boxes_list)}, "
            f"{len(scores_list)} and {len(labels_list)}"
        )
    found, changes = _Lists([], [], []), _Changes()
    for m, (boxes, scores, labels) in enumerate(zip(boxes_list, scores_list, labels_list, strict=True)):
        rows = np.asarray(boxes, dtype=np.float64)
        rows = rows.reshape(-1, 4) if rows.size == 0 else rows
        if rows.ndim != 2 or rows.shape[1] != 4:
            raise ValueError(f"boxes_list[{m}]: expected shape (N, 4), got {rows.shape}")
        of_boxes, of_labels = np.asarray(scores, dtype=np.float64), np.asarray(labels)
        for name, each in (("scores_list", of_boxes), ("labels_list", of_labels)):
            if each.shape != (len(rows),):
                raise ValueError(f"{name}[{m}]: expected shape ({len(rows)},), got {each.shape}")
        first, last = np.minimum(rows[:, :2], rows[:, 2:]), np.maximum(rows[:, :2], rows[:, 2:])
        right = np.concatenate([first, last], axis=1).clip(0, 1)
        has_area = (right[:, 2] - right[:, 0]) * (right[:, 3] - right[:, 1]) > 0
        changes.count(rows, has_area, np.ones_like(has_area) if least is None else ~(of_boxes < least))
        found.boxes.append(right[has_area])
        found.scores.append(of_boxes[has_area])
        found.labels.append(of_labels[has_area])
    changes.warn()
    return found


class _Changes:
    """How many boxes were put right, to be told in one warning."""

    def __init__(self) -> None:
        self.boxes = self.swapped = self.clipped = self.left_out = 0

    def count(self, rows: NDArray[Any], has_area: NDArray[Any], takes_part: NDArray[Any]) -> None:
        rows, has_area = rows[takes_part], has_area[takes_part]
        self.boxes += len(rows)
        self.swapped += int((rows[:, :2] > rows[:, 2:]).any(axis=1).sum())
        self.clipped += int(((rows < 0) | (rows > 1)).any(axis=1).sum())
        self.left_out += int((~has_area).sum())

    def warn(self) -> None:
        if not (self.swapped or self.clipped or self.left_out):
            return
        told = {
            "had their corners swapped": self.swapped,
            "reached outside [0, 1] and were clipped": self.clipped,
            "had no area then, or NaN, and were left out": self.left_out,
        }
        text = f"boxes: of {self.boxes}, " + ", ".join(f"{n} {what}" for what, n in told.items() if n)
        if self.clipped:
            text += (
                ". They are expected in [0, 1]: divide pixels by the width and height of the image, or call the "
                "functions of ptdet.numpy, which take any unit"
            )
        # at whoever called the public function: it, what it calls, _lists and this lie between
        warnings.warn(text, UserWarning, stacklevel=5)


def _weights(weights: Sequence[float] | None, models: int) -> list[float] | None:
    if weights is None:
        return None
    numbers = one_a_model(weights.tolist() if hasattr(weights, "tolist") else weights, models)
    for each in numbers:
        check_at_least("weights", each)
    if not any(each > 0 for each in numbers):
        raise ValueError(f"weights: expected one of them above 0, got {numbers}")
    return [float(one) for one in numbers]

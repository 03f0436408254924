"""ensemble-boxes' functions for arrays or lists of normalised boxes; neither it nor torch is imported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import numpy as _ptdet

Found = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]
KINDS = {1: "linear", 2: "gaussian", 3: "hard"}


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

    Boxes are put right as there: corners swapped, clipped to [0, 1], those without area left out; silently.

    Raises:
        TypeError, ValueError: where the original prints and goes on, or ends the process.
    """
    given = _lists(boxes_list, scores_list, labels_list)
    fused, scores, labels = _ptdet.weighted_boxes_fusion(
        *given, _weights(weights, given), iou_thr, skip_box_thr, conf_type, allows_overflow
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
    given = _lists(boxes_list, scores_list, labels_list)
    fused, scores, labels = _ptdet.non_maximum_weighted(*given, _weights(weights, given), iou_thr, skip_box_thr)
    return fused, scores, labels.astype(np.float64)


def nms(
    boxes: Sequence[Any],
    scores: Sequence[Any],
    labels: Sequence[Any],
    iou_thr: float = 0.5,
    weights: Sequence[float] | None = None,
) -> Found:
    """ensemble_boxes.nms: boxes, scores, labels; label after label, each by decreasing score."""
    return nms_method(boxes, scores, labels, method=3, iou_thr=iou_thr, weights=weights)


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
    return nms_method(boxes, scores, labels, method, iou_thr, sigma, thresh, weights)


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
    if method not in KINDS:
        raise ValueError(f"method: expected 1, 2 or 3, got {method!r}")
    given = _lists(boxes, scores, labels)
    of_all = np.concatenate(given.scores)
    if (shares := _weights(weights, given)) is not None:
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


def _lists(boxes_list: Sequence[Any], scores_list: Sequence[Any], labels_list: Sequence[Any]) -> _Lists:
    found = _Lists([], [], [])
    if len(boxes_list) == 0 or not len(boxes_list) == len(scores_list) == len(labels_list):
        raise ValueError(
            f"boxes_list, scores_list, labels_list: expected one item a model in each, got {len(boxes_list)}, "
            f"{len(scores_list)} and {len(labels_list)}"
        )
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
        rows = np.concatenate([first, last], axis=1).clip(0, 1)
        has_area = (rows[:, 2] - rows[:, 0]) * (rows[:, 3] - rows[:, 1]) > 0
        found.boxes.append(rows[has_area])
        found.scores.append(of_boxes[has_area])
        found.labels.append(of_labels[has_area])
    return found


def _weights(weights: Sequence[float] | None, given: _Lists) -> list[float] | None:
    if weights is not None and len(weights) != len(given.boxes):
        raise ValueError(f"weights: expected one for each of {len(given.boxes)} models, got {len(weights)}")
    return None if weights is None else [float(one) for one in weights]

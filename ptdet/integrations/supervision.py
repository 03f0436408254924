"""supervision's Detections.with_nms and with_nmm, for its Detections or arrays; neither it nor torch is imported."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._shared.rotated_boxes import min_area_rect
from ..numpy import batched_nms, nms as _nms, or_nms, rotated


def box_non_max_suppression(
    predictions: NDArray[Any], iou_threshold: float = 0.5, overlap_metric: Any = "IOU"
) -> NDArray[np.bool_]:
    """supervision.box_non_max_suppression: which rows of (N, 5 or 6), x1, y1, x2, y2, score[, class], are kept.

    Args:
        overlap_metric: "IOU", "IOS" or supervision's OverlapMetric.

    Returns:
        (N,) bool, in the order of the rows. Ties in score go to the lower row; supervision's to any.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.
    """
    boxes, scores, classes, metric = _columns(predictions, overlap_metric)
    keep: Any = (
        _nms(boxes, scores, iou_threshold, metric=metric) if classes is None
        else batched_nms(boxes, scores, classes, iou_threshold, metric=metric)
    )  # fmt: skip
    kept = np.zeros(len(predictions), dtype=np.bool_)
    kept[keep] = True
    return kept


def box_non_max_merge(
    predictions: NDArray[Any], iou_threshold: float = 0.5, overlap_metric: Any = "IOU"
) -> list[list[int]]:
    """supervision.box_non_max_merge: groups of rows, each the best of its class that is left and those it overlaps.

    A row joins if its overlap with the best of the group is at or above `iou_threshold`.

    Args and what raises: as `box_non_max_suppression`.

    Returns:
        Class after class; groups and their rows by decreasing score, ties to the lower row (supervision's: to any).
    """
    rows, starts = _merge_groups(predictions, iou_threshold, overlap_metric)
    return [group.tolist() for group in np.split(rows, starts[1:])] if len(rows) else []


def oriented_box_iou_batch(
    boxes_true: NDArray[Any], boxes_detection: NDArray[Any], overlap_metric: Any = "IOU"
) -> NDArray[np.float64]:
    """supervision.oriented_box_iou_batch: overlaps (N, M) of quads, each taken for the smallest rectangle around it.

    Args:
        boxes_true: (N, 4, 2) or (N, 8) corners.
        boxes_detection: (M, 4, 2) or (M, 8).
        overlap_metric: as in `box_non_max_suppression`.
    """
    metric = _metric(overlap_metric)
    first, second = _rectangles("boxes_true", boxes_true), _rectangles("boxes_detection", boxes_detection)
    return rotated.pairwise_overlap(first, second, metric)


def oriented_box_non_max_suppression(
    predictions: NDArray[Any], oriented_boxes: NDArray[Any], iou_threshold: float = 0.5, overlap_metric: Any = "IOU"
) -> NDArray[np.bool_]:
    """supervision.oriented_box_non_max_suppression: `box_non_max_suppression` by overlaps of oriented boxes.

    Args:
        predictions: of which score and class are read.
        oriented_boxes: (N, 4, 2) or (N, 8) corners, as in `oriented_box_iou_batch`.
    """
    boxes, scores, classes, metric = _oriented(predictions, oriented_boxes, overlap_metric)
    keep: Any = (
        rotated.nms(boxes, scores, iou_threshold, metric=metric) if classes is None
        else rotated.batched_nms(boxes, scores, classes, iou_threshold, metric=metric)
    )  # fmt: skip
    kept = np.zeros(len(predictions), dtype=np.bool_)
    kept[keep] = True
    return kept


def oriented_box_non_max_merge(
    predictions: NDArray[Any], oriented_boxes: NDArray[Any], iou_threshold: float = 0.5, overlap_metric: Any = "IOU"
) -> list[list[int]]:
    """supervision.oriented_box_non_max_merge: `box_non_max_merge` by overlaps of oriented boxes.

    Args: as in `oriented_box_non_max_suppression`.
    """
    boxes, scores, classes, metric = _oriented(predictions, oriented_boxes, overlap_metric)
    ids = np.zeros(len(boxes), np.int64) if classes is None else classes
    keep, owner = rotated.batched_nms(
        boxes, scores, ids, iou_threshold, metric=metric, inclusive=True, return_owner=True
    )
    rows, starts = _groups(keep, owner, scores, classes)
    return [group.tolist() for group in np.split(rows, starts[1:])] if len(rows) else []


def with_nms(detections: Any, threshold: float = 0.5, class_agnostic: bool = False, overlap_metric: Any = "IOU") -> Any:
    """`detections.with_nms(...)` of supervision for boxes and oriented boxes: the subset that is kept, in its order.

    Args:
        detections: supervision.Detections, or whatever has `xyxy`, `confidence`, `class_id` and is indexed by an array.

    Raises:
        ValueError: without confidences, or without classes unless `class_agnostic`.
        NotImplementedError: for masks, which supervision compares instead of the boxes.
    """
    if len(detections) == 0:
        return detections
    quads = getattr(detections, "data", {}).get("xyxyxyxy")
    if quads is not None:
        predictions = _predictions(detections, class_agnostic, takes_oriented=True)
        kept = oriented_box_non_max_suppression(predictions, np.asarray(quads), threshold, overlap_metric)
        return detections[kept]
    return detections[box_non_max_suppression(_predictions(detections, class_agnostic), threshold, overlap_metric)]


def with_nmm(detections: Any, threshold: float = 0.5, class_agnostic: bool = False, overlap_metric: Any = "IOU") -> Any:
    """`detections.with_nmm(...)` of supervision for boxes: one detection for each group of `box_non_max_merge`.

    Its box is the hull of the group, its confidence the mean of theirs weighted by area (the best one's own where there
    is no area); class, tracker and data are those of the best.

    Args and what raises: as `with_nms`; NotImplementedError for oriented boxes too.

    Returns:
        In the order of the groups, in the dtypes of `detections`; supervision rounds hulls to float32.
    """
    if len(detections) == 0:
        return detections
    rows, starts = _merge_groups(_predictions(detections, class_agnostic), threshold, overlap_metric)
    boxes, confidences = detections.xyxy[rows], detections.confidence[rows]
    sizes = np.diff(np.append(starts, len(rows)))
    wide = boxes.astype(np.float64)
    areas = (wide[:, 2] - wide[:, 0]) * (wide[:, 3] - wide[:, 1])
    of_groups = np.add.reduceat(areas, starts)
    has_mean = (of_groups > 0) & (sizes > 1)
    weighted = np.add.reduceat(areas * confidences, starts)
    found = detections[rows[starts]]
    found.xyxy = np.concatenate(
        [np.minimum.reduceat(boxes[:, :2], starts), np.maximum.reduceat(boxes[:, 2:], starts)], axis=1
    )
    best = confidences[starts]
    found.confidence = np.where(has_mean, weighted / np.where(has_mean, of_groups, 1), best).astype(best.dtype)
    return found


def _columns(
    predictions: NDArray[Any], overlap_metric: Any
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None, str]:
    """Boxes, scores, classes if there are any, and our name of the metric."""
    if not isinstance(predictions, np.ndarray):
        raise TypeError(f"predictions: expected a numpy.ndarray, got {type(predictions).__name__}")
    if predictions.ndim != 2 or predictions.shape[1] not in (5, 6):
        raise ValueError(f"predictions: expected shape (N, 5) or (N, 6), got {predictions.shape}")
    metric = _metric(overlap_metric)
    return predictions[:, :4], predictions[:, 4], predictions[:, 5] if predictions.shape[1] == 6 else None, metric


def _metric(overlap_metric: Any) -> str:
    metric = str(getattr(overlap_metric, "value", overlap_metric)).lower()
    if metric not in ("iou", "ios"):
        raise ValueError(f"overlap_metric: expected IOU or IOS, got {overlap_metric!r}")
    return metric


def _oriented(
    predictions: NDArray[Any], oriented_boxes: NDArray[Any], overlap_metric: Any
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None, str]:
    """Rotated boxes, and what `_columns` says besides."""
    _, scores, classes, metric = _columns(predictions, overlap_metric)
    boxes = _rectangles("oriented_boxes", oriented_boxes)
    if len(boxes) != len(predictions):
        raise ValueError(f"oriented_boxes: expected {len(predictions)} as of predictions, got {len(boxes)}")
    return boxes, scores, classes, metric


def _rectangles(name: str, quads: NDArray[Any]) -> NDArray[Any]:
    if not isinstance(quads, np.ndarray):
        raise TypeError(f"{name}: expected a numpy.ndarray, got {type(quads).__name__}")
    if quads.shape[1:] not in ((4, 2), (8,)):
        raise ValueError(f"{name}: expected shape (N, 4, 2) or (N, 8), got {quads.shape}")
    return min_area_rect(quads.reshape(-1, 4, 2))


def _merge_groups(
    predictions: NDArray[Any], iou_threshold: float, overlap_metric: Any
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows, group after group, and where each group starts."""
    boxes, scores, classes, metric = _columns(predictions, overlap_metric)
    keep, owner = or_nms(boxes, scores, iou_threshold, classes, metric=metric, return_owner=True)
    return _groups(keep, owner, scores, classes)


def _groups(
    keep: NDArray[np.int64], owner: NDArray[np.int64], scores: NDArray[Any], classes: NDArray[Any] | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if classes is not None:
        keep = keep[np.argsort(classes[keep], kind="stable")]
    place = np.empty(len(owner), dtype=np.int64)  # of the group of each kept row
    place[keep] = np.arange(len(keep))
    groups = place[owner]
    rows = np.lexsort((-scores, owner != np.arange(len(owner)), groups))  # by group, its kept row first, then by score
    return rows, np.searchsorted(groups[rows], np.arange(len(keep)))


def _predictions(detections: Any, class_agnostic: bool, takes_oriented: bool = False) -> NDArray[Any]:
    """The rows that supervision's functions take."""
    is_oriented = "xyxyxyxy" in getattr(detections, "data", {})
    if getattr(detections, "mask", None) is not None or (is_oriented and not takes_oriented):
        raise NotImplementedError("detections: masks and oriented boxes are not compared here; call its own method")
    if detections.confidence is None:
        raise ValueError("detections: expected confidences, got None")
    columns = [detections.xyxy, detections.confidence[:, None]]
    if not class_agnostic:
        if detections.class_id is None:
            raise ValueError("detections: expected class_id, got None: pass class_agnostic=True")
        columns.append(detections.class_id[:, None])
    return np.hstack(columns)

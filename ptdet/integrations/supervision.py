"""supervision's Detections.with_nms and with_nmm, for its Detections or arrays; neither it nor torch is imported."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._shared.rotated_boxes import min_area_rect
from ..numpy import batched_nms, nms as _nms, or_nms, rotated

__all__ = [
    "box_non_max_merge",
    "box_non_max_suppression",
    "oriented_box_iou_batch",
    "oriented_box_non_max_merge",
    "oriented_box_non_max_suppression",
    "with_nmm",
    "with_nms",
]

ORIENTED = "xyxyxyxy"  # supervision's name of the corners among the data


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
    rows, starts = _oriented_merge_groups(predictions, oriented_boxes, iou_threshold, overlap_metric)
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
    predictions, quads = _predictions(detections, class_agnostic), _quads(detections)
    if quads is None:
        return detections[box_non_max_suppression(predictions, threshold, overlap_metric)]
    return detections[oriented_box_non_max_suppression(predictions, quads, threshold, overlap_metric)]


def with_nmm(detections: Any, threshold: float = 0.5, class_agnostic: bool = False, overlap_metric: Any = "IOU") -> Any:
    """`detections.with_nmm(...)` of supervision for boxes and oriented boxes: one detection for each group.

    Groups are those of `box_non_max_merge` or `oriented_box_non_max_merge`. Its box is the hull of the group; of
    oriented boxes the smallest rectangle in the direction of the best one's first side that has all corners of the
    group, and the upright box around it. Its confidence is the mean of theirs weighted by the area of the upright boxes
    (the best one's own where there is no area); class, tracker and data are those of the best.

    Args and what raises: as `with_nms`.

    Returns:
        In the order of the groups, in the dtypes of `detections`, but that whole numbers of oriented boxes that merge
        become float64; supervision rounds hulls and confidences to float32.
    """
    if len(detections) == 0:
        return detections
    predictions, quads = _predictions(detections, class_agnostic), _quads(detections)
    rows, starts = (
        _merge_groups(predictions, threshold, overlap_metric) if quads is None
        else _oriented_merge_groups(predictions, quads, threshold, overlap_metric)
    )  # fmt: skip
    boxes, confidences = detections.xyxy[rows], detections.confidence[rows]
    is_merged = np.diff(np.append(starts, len(rows))) > 1
    wide = boxes.astype(np.float64)
    areas = (wide[:, 2] - wide[:, 0]) * (wide[:, 3] - wide[:, 1])
    of_groups = np.add.reduceat(areas, starts)
    has_mean = (of_groups > 0) & is_merged
    weighted = np.add.reduceat(areas * confidences, starts)
    found = detections[rows[starts]]
    if quads is None:
        found.xyxy = np.concatenate(
            [np.minimum.reduceat(boxes[:, :2], starts), np.maximum.reduceat(boxes[:, 2:], starts)], axis=1
        )
    elif is_merged.any():
        around = _around(quads.reshape(-1, 4, 2)[rows], starts)[is_merged]
        upright = np.concatenate([around.min(axis=1), around.max(axis=1)], axis=1)
        of_best = np.asarray(found.data[ORIENTED])
        found.data = {**found.data, ORIENTED: _exchanged(of_best, is_merged, around.reshape(-1, *of_best.shape[1:]))}
        found.xyxy = _exchanged(found.xyxy, is_merged, upright)
    best = confidences[starts]
    found.confidence = np.where(has_mean, weighted / np.where(has_mean, of_groups, 1), best).astype(best.dtype)
    return found


def _around(quads: NDArray[Any], starts: NDArray[np.int64]) -> NDArray[np.float64]:
    """For each group of (N, 4, 2), which starts with its best, the smallest rectangle in the best one's direction."""
    group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(quads))))
    exact = quads.astype(np.int64 if np.issubdtype(quads.dtype, np.integer) else np.float64)
    origins = exact[starts, 0]  # whole numbers are subtracted as such: all else is of the size of the group
    x, y = np.moveaxis((exact - origins[group, None]).astype(np.float64), -1, 0)
    along, across = x[starts, 1], y[starts, 1]  # the first side
    length = np.sqrt(along * along + across * across)
    is_flat = length == 0
    length[is_flat] = 1
    c, s = np.where(is_flat, 1, along / length), across / length
    u, v = x * c[group, None] + y * s[group, None], y * c[group, None] - x * s[group, None]
    u0, v0 = (np.minimum.reduceat(each.min(axis=1), starts) for each in (u, v))
    u1, v1 = (np.maximum.reduceat(each.max(axis=1), starts) for each in (u, v))
    corners = [np.stack([c * u - s * v, s * u + c * v], axis=-1) for u, v in ((u0, v0), (u1, v0), (u1, v1), (u0, v1))]
    found: NDArray[np.float64] = np.stack(corners, axis=1) + origins[:, None]
    return found


def _exchanged(values: NDArray[Any], where: NDArray[np.bool_], others: NDArray[np.float64]) -> NDArray[Any]:
    """In their own dtype if it has fractions."""
    changed = values.astype(values.dtype if np.issubdtype(values.dtype, np.floating) else np.float64)
    changed[where] = others
    return changed


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


def _oriented_merge_groups(
    predictions: NDArray[Any], oriented_boxes: NDArray[Any], iou_threshold: float, overlap_metric: Any
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    boxes, scores, classes, metric = _oriented(predictions, oriented_boxes, overlap_metric)
    keep, owner = rotated.or_nms(boxes, scores, iou_threshold, classes, metric=metric, return_owner=True)
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


def _quads(detections: Any) -> NDArray[Any] | None:
    found = getattr(detections, "data", {}).get(ORIENTED)
    return None if found is None else np.asarray(found)


def _predictions(detections: Any, class_agnostic: bool) -> NDArray[Any]:
    """The rows that supervision's functions take."""
    if getattr(detections, "mask", None) is not None:
        raise NotImplementedError("detections: masks are not compared here; call its own method")
    if detections.confidence is None:
        raise ValueError("detections: expected confidences, got None")
    columns = [detections.xyxy, detections.confidence[:, None]]
    if not class_agnostic:
        if detections.class_id is None:
            raise ValueError("detections: expected class_id, got None: pass class_agnostic=True")
        columns.append(detections.class_id[:, None])
    return np.hstack(columns)

"""What supervision's Detections.with_nms does, for its Detections or arrays; neither it nor torch is imported."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..numpy import batched_nms, nms as _nms


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
    if not isinstance(predictions, np.ndarray):
        raise TypeError(f"predictions: expected a numpy.ndarray, got {type(predictions).__name__}")
    if predictions.ndim != 2 or predictions.shape[1] not in (5, 6):
        raise ValueError(f"predictions: expected shape (N, 5) or (N, 6), got {predictions.shape}")
    metric = str(getattr(overlap_metric, "value", overlap_metric)).lower()
    if metric not in ("iou", "ios"):
        raise ValueError(f"overlap_metric: expected IOU or IOS, got {overlap_metric!r}")
    boxes, scores = predictions[:, :4], predictions[:, 4]
    keep: Any = (
        _nms(boxes, scores, iou_threshold, metric=metric) if predictions.shape[1] == 5
        else batched_nms(boxes, scores, predictions[:, 5], iou_threshold, metric=metric)
    )  # fmt: skip
    kept = np.zeros(len(predictions), dtype=np.bool_)
    kept[keep] = True
    return kept


def with_nms(detections: Any, threshold: float = 0.5, class_agnostic: bool = False, overlap_metric: Any = "IOU") -> Any:
    """`detections.with_nms(...)` of supervision for boxes: the subset that is kept, in its order.

    Args:
        detections: supervision.Detections, or whatever has `xyxy`, `confidence`, `class_id` and is indexed by a mask.

    Raises:
        ValueError: without confidences, or without classes unless `class_agnostic`.
        NotImplementedError: for masks and oriented boxes, which supervision compares instead of the boxes.
    """
    if len(detections) == 0:
        return detections
    if getattr(detections, "mask", None) is not None or "xyxyxyxy" in getattr(detections, "data", {}):
        raise NotImplementedError("detections: masks and oriented boxes are not compared here; call its own with_nms")
    if detections.confidence is None:
        raise ValueError("detections: expected confidences, got None")
    columns = [detections.xyxy, detections.confidence[:, None]]
    if not class_agnostic:
        if detections.class_id is None:
            raise ValueError("detections: expected class_id, got None: pass class_agnostic=True")
        columns.append(detections.class_id[:, None])
    return detections[box_non_max_suppression(np.hstack(columns), threshold, overlap_metric)]

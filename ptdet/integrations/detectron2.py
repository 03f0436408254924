"""detectron2.layers.batched_nms, without detectron2."""

from __future__ import annotations

from torch import Tensor

from .. import batched_nms as _batched_nms


def batched_nms(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float) -> Tensor:
    """Hard suppression within equal `idxs`, as detectron2.layers.batched_nms, which turns boxes to float32 first; exact
    at any coordinates and in any dtype.

    Returns:
        keep (K,) int64 by decreasing score.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.
    """
    return _batched_nms(boxes, scores, idxs, iou_threshold)

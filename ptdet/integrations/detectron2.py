"""detectron2.layers' suppressions, and its overlap of rotated boxes, without detectron2."""

from __future__ import annotations

import torch
from torch import Tensor
from torch._jit_internal import is_scripting

from .._library.checks import check_dense, check_floating
from .._library.overlap_checks import check_boxes
from ..ops import rotated_nms
from ..ops.nms import batched_nms as _batched_nms
from ..ops.overlap import box_iou
from ..ops.rotated_degrees import of_degrees

__all__ = ["batched_nms", "batched_nms_rotated", "nms_rotated", "pairwise_iou_rotated"]


def batched_nms(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float) -> Tensor:
    """Hard suppression within equal `idxs`, as detectron2.layers.batched_nms, which turns boxes to float32 first; exact
    at any coordinates and in any dtype. `torch.jit.script` takes it, as detectron2's own.

    Returns:
        keep (K,) int64 by decreasing score.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.
    """
    if is_scripting():  # no Python there, so no check of the arguments but the operator's
        keep: Tensor = torch.ops.ptdet.nms(boxes, scores, idxs, iou_threshold)
        return keep
    return _batched_nms(boxes, scores, idxs, iou_threshold)


def pairwise_iou_rotated(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """detectron2.layers.pairwise_iou_rotated: IoU (N, M) of all pairs of rotated boxes.

    Args:
        boxes1: (N, 5) centre x, centre y, width, height, angle in degrees, counter-clockwise on a picture; whole
            quarters of a turn are exact.
        boxes2: (M, 5).

    Returns:
        float64 if a set is, else float32.
    """
    return box_iou(boxes1, boxes2, "cxcywhr")


def nms_rotated(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """detectron2.layers.nms_rotated: hard suppression of rotated boxes at overlap > iou_threshold, as its CUDA kernel.

    detectron2's CPU kernel removes at == too.

    Args:
        boxes: (N, 5), angles as in `pairwise_iou_rotated`.

    Returns:
        keep (K,) int64 by decreasing score.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.
    """
    return rotated_nms.nms(_turned(boxes), scores, iou_threshold)


def batched_nms_rotated(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float) -> Tensor:
    """`nms_rotated` within equal `idxs`, as detectron2.layers.batched_nms_rotated; no box is moved or rounded."""
    return rotated_nms.batched_nms(_turned(boxes), scores, idxs, iou_threshold)


def _turned(boxes: Tensor) -> Tensor:
    check_dense(boxes=boxes)
    check_floating("boxes", boxes)
    check_boxes("boxes", boxes, numbers=5)
    return of_degrees(boxes).to(boxes.device)

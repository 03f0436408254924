"""detectron2.layers.batched_nms, without detectron2."""

from __future__ import annotations

import torch
from torch import Tensor
from torch._jit_internal import is_scripting

from ..ops.nms import batched_nms as _batched_nms


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

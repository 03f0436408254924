"""From a loss and its parameters to the operator."""

from __future__ import annotations

import torch
from torch import Tensor

from .._library.checks import check_dense
from ..reference import parameter, power as raised
from .overlap import graded


def losses_of(
    kind: str,
    boxes1: Tensor,
    boxes2: Tensor,
    eps: float,
    power: float = 1.0,
    scale: float = 1.0,
    base: str = "iou",
    mean: Tensor | None = None,
) -> Tensor:
    try:
        if not (boxes1.is_floating_point() and boxes2.is_floating_point()):
            boxes1, boxes2 = (boxes if boxes.is_floating_point() else boxes.float() for boxes in (boxes1, boxes2))
        dtype = torch.float64 if torch.float64 in (boxes1.dtype, boxes2.dtype) else torch.float32
        eps, power, scale = (parameter(value, dtype) for value in (eps, power, scale))
        if mean is None:
            return graded(boxes1, boxes2, kind, eps, eps, False, (power, scale, base))
        with torch.no_grad():
            beta = graded(boxes1, boxes2, "iou", eps, eps, False) / mean
            if kind == "wiou_v2":
                gain = raised(beta, power)
            else:
                gain = beta / (scale * raised(torch.full_like(beta, power), beta - scale))
            gain = torch.where(torch.isfinite(gain), gain, 0.0)
        loss = graded(boxes1, boxes2, "wiou_v1", eps, eps, False)
        return (gain * loss).clamp(max=torch.finfo(loss.dtype).max)
    except (RuntimeError, TypeError):
        check_dense(boxes1=boxes1, boxes2=boxes2)
        raise

"""The gradients of the overlaps of rotated boxes.

Box by box, a kernel has them. Of all pairs, and where a second derivative is asked for, they are composed of torch
operations, the reference's, which are differentiable themselves.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...reference import rotated_slopes
from ...reference.pairs import bounded
from .overlap import as_gradient_of


def set_up(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    boxes1, boxes2, ctx.kind = inputs
    ctx.save_for_backward(boxes1, boxes2)


def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
    boxes1, boxes2 = ctx.saved_tensors
    wanted = ctx.needs_input_grad[:2]
    if torch.is_grad_enabled():
        slopes = rotated_slopes(boxes1, boxes2, ctx.kind)
        by1, by2 = (bounded(grad.to(each)[..., None] * each).to(grad.device) for each in slopes)
    else:
        by1, by2 = torch.ops.ptdet.rotated_overlap_backward(grad, boxes1, boxes2, ctx.kind, *wanted)
    return as_gradient_of(boxes1, by1) if wanted[0] else None, as_gradient_of(boxes2, by2) if wanted[1] else None, None


def pairwise_backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
    boxes1, boxes2 = ctx.saved_tensors
    by1, by2 = rotated_slopes(boxes1[..., :, None, :], boxes2[..., None, :, :], ctx.kind)
    weight = grad.to(by1)[..., None]
    wanted1, wanted2, *_ = ctx.needs_input_grad
    grad1 = as_gradient_of(boxes1, bounded((weight * by1).sum(-2)).to(boxes1.device)) if wanted1 else None
    grad2 = as_gradient_of(boxes2, bounded((weight * by2).sum(-3)).to(boxes2.device)) if wanted2 else None
    return grad1, grad2, None

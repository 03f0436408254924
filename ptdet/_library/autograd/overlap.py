"""Autograd of the overlaps, both ways: as autograd Functions and as the gradients of the operators.

The first derivative comes from the kernels, in the pass that computes the value (box by box) or in one of its own
(pairwise). The second is composed of torch operations: the derivative of the reference's formula.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from ...reference import pairs as formula


class BoxLossFunction(Function):
    """(value, slopes) of `torch.ops.ptdet.graded_box_loss`; value is differentiable twice, slopes are not."""

    generate_vmap_rule = True

    @staticmethod
    def forward(boxes1: Tensor, boxes2: Tensor, *settings: Any) -> tuple[Tensor, Tensor]:
        with torch._C._AutoDispatchBelowAutograd():
            result: tuple[Tensor, Tensor] = torch.ops.ptdet.graded_box_loss.default(boxes1, boxes2, *settings)
        return result

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        ctx.mark_non_differentiable(output[1])
        set_up_box_loss(ctx, inputs, output)

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Any) -> tuple[Any, ...]:
        return box_loss_backward(ctx, grad, _)


class EagerBoxLoss(Function):
    """The value of BoxLossFunction, where no transform asks for setup_context, which costs more than 256 pairs."""

    @staticmethod
    def forward(ctx: Any, boxes1: Tensor, boxes2: Tensor, *settings: Any) -> Tensor:
        with torch._C._AutoDispatchBelowAutograd():
            value, slopes = torch.ops.ptdet.graded_box_loss.default(boxes1, boxes2, *settings)
        ctx.save_for_backward(boxes1, boxes2, slopes)
        ctx.settings = settings
        return value  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        return box_loss_backward(ctx, grad)


def set_up_box_loss(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    boxes1, boxes2, *settings = inputs
    ctx.save_for_backward(boxes1, boxes2, output[1])
    ctx.settings = settings


def box_loss_backward(ctx: Any, grad: Tensor, _: Any = None) -> tuple[Any, ...]:
    boxes1, boxes2, slopes = ctx.saved_tensors
    settings = ctx.settings
    has1, has2 = settings[4:6]
    wanted1, wanted2, *_ = ctx.needs_input_grad
    if (wanted1 and not has1) or (wanted2 and not has2):  # not kept, or the operator, called directly
        has1, has2 = wanted1, wanted2
        settings = *settings[:4], has1, has2, *settings[6:]
        slopes = None
    run = ScaledSlopesFunction.apply if torch.is_grad_enabled() else scaled_slopes
    scaled = run(grad, slopes, boxes1, boxes2, *settings)
    by1, by2 = scaled if has1 and has2 else (scaled, scaled)
    grad1 = as_gradient_of(boxes1, by1) if wanted1 else None
    grad2 = as_gradient_of(boxes2, by2) if wanted2 else None
    return grad1, grad2, *(None,) * len(ctx.settings)


def kept_slopes(boxes1: Tensor, boxes2: Tensor, needed: tuple[bool, bool]) -> tuple[bool, bool]:
    """Which slopes the forward pass keeps for the backward pass.

    On CUDA both are bound by memory, and none are kept where that moves fewer bytes: kept slopes are written once and
    read once, boxes are read once more.
    """
    read = boxes1.element_size() + boxes2.element_size()
    kept = 2 * sum(needed) * max(4, boxes1.element_size(), boxes2.element_size())
    return (False, False) if boxes1.device.type == "cuda" and read < kept else needed


def scaled_slopes(grad: Tensor, slopes: Tensor | None, boxes1: Tensor, boxes2: Tensor, *settings: Any) -> Tensor:
    result: Tensor
    if slopes is None:
        boxes1, boxes2 = boxes1.detach(), boxes2.detach()
        result = torch.ops.ptdet.graded_box_loss_gradient.default(grad, boxes1, boxes2, *settings)
    else:
        result = torch.ops.ptdet.graded_box_loss_backward.default(grad, slopes)
    return result


class ScaledSlopesFunction(Function):
    """The first derivative as a function: of the value's gradient, and of the boxes that the slopes belong to."""

    generate_vmap_rule = True

    @staticmethod
    def forward(grad: Tensor, slopes: Tensor | None, boxes1: Tensor, boxes2: Tensor, *settings: Any) -> Tensor:
        return scaled_slopes(grad, slopes, boxes1, boxes2, *settings)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        grad, _, boxes1, boxes2, *settings = inputs
        ctx.save_for_backward(grad, boxes1, boxes2)
        ctx.settings = settings

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Any, ...]:
        grad, boxes1, boxes2 = ctx.saved_tensors
        kind, eps, joint_eps, similarity, has1, has2, power, scale, base = ctx.settings

        def value(a: Tensor, b: Tensor) -> Tensor:
            return formula.graded_value(a, b, kind, eps, joint_eps, similarity, power, scale, base)

        sides = cotangent.unbind(0) if has1 and has2 else (cotangent,)
        zero = torch.zeros_like(sides[0])
        towards = (sides[0] if has1 else zero, sides[-1] if has2 else zero)
        by_grad, by_boxes1, by_boxes2 = second_derivative(value, grad, boxes1, boxes2, towards)
        return by_grad, None, by_boxes1, by_boxes2, *(None,) * len(ctx.settings)


class PairwiseOverlapFunction(Function):
    """`torch.ops.ptdet.pairwise_overlap`, differentiable twice."""

    generate_vmap_rule = True

    @staticmethod
    def forward(boxes1: Tensor, boxes2: Tensor, *settings: Any) -> Tensor:
        with torch._C._AutoDispatchBelowAutograd():
            result: Tensor = torch.ops.ptdet.pairwise_overlap.default(boxes1, boxes2, *settings)
        return result

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        set_up_pairwise(ctx, inputs, output)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        return pairwise_backward(ctx, grad)


class EagerPairwiseOverlap(Function):
    """PairwiseOverlapFunction, where no transform asks for setup_context."""

    @staticmethod
    def forward(ctx: Any, boxes1: Tensor, boxes2: Tensor, *settings: Any) -> Tensor:
        with torch._C._AutoDispatchBelowAutograd():
            value: Tensor = torch.ops.ptdet.pairwise_overlap.default(boxes1, boxes2, *settings)
        ctx.save_for_backward(boxes1, boxes2)
        ctx.settings = settings
        return value

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        return pairwise_backward(ctx, grad)


def set_up_pairwise(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    boxes1, boxes2, *settings = inputs
    ctx.save_for_backward(boxes1, boxes2)
    ctx.settings = settings


def pairwise_backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    boxes1, boxes2 = ctx.saved_tensors
    wanted = ctx.needs_input_grad[:2]
    run = PairwiseSlopesFunction.apply if torch.is_grad_enabled() else torch.ops.ptdet.pairwise_overlap_backward.default
    by_boxes1, by_boxes2 = run(grad, boxes1, boxes2, *ctx.settings, *wanted)
    grad1 = as_gradient_of(boxes1, by_boxes1) if wanted[0] else None
    grad2 = as_gradient_of(boxes2, by_boxes2) if wanted[1] else None
    return grad1, grad2, *(None,) * len(ctx.settings)


class PairwiseSlopesFunction(Function):
    """The first derivative of the pairwise overlap as a function."""

    generate_vmap_rule = True

    @staticmethod
    def forward(grad: Tensor, boxes1: Tensor, boxes2: Tensor, *settings: Any) -> tuple[Tensor, Tensor]:
        result: tuple[Tensor, Tensor] = torch.ops.ptdet.pairwise_overlap_backward.default(
            grad, boxes1, boxes2, *settings
        )
        return result

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        ctx.save_for_backward(*inputs[:3])
        ctx.settings = inputs[3:]

    @staticmethod
    def backward(ctx: Any, towards1: Tensor, towards2: Tensor) -> tuple[Any, ...]:
        grad, boxes1, boxes2 = ctx.saved_tensors
        kind, eps, joint_eps, wanted1, wanted2 = ctx.settings

        def value(a: Tensor, b: Tensor) -> Tensor:
            return formula.pairwise_overlap(a, b, kind, eps, joint_eps)

        towards = (
            towards1 if wanted1 else torch.zeros_like(boxes1, dtype=grad.dtype),
            towards2 if wanted2 else torch.zeros_like(boxes2, dtype=grad.dtype),
        )
        found = second_derivative(value, grad, boxes1, boxes2, towards)
        return *found, *(None,) * len(ctx.settings)


def second_derivative(
    value: Any, grad: Tensor, boxes1: Tensor, boxes2: Tensor, towards: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """The derivatives by grad, boxes1 and boxes2 of <towards, the gradient of value>."""

    def gradient(grad: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        by_a, by_b = torch.func.vjp(value, a, b)[1](grad)
        return by_a, by_b

    computed = (boxes1.to(grad.dtype), boxes2.to(grad.dtype))
    by_grad, by_boxes1, by_boxes2 = torch.func.vjp(gradient, grad, *computed)[1](towards)
    by_grad, by_boxes1, by_boxes2 = map(formula.bounded, (by_grad, by_boxes1, by_boxes2))
    return by_grad, as_gradient_of(boxes1, by_boxes1), as_gradient_of(boxes2, by_boxes2)


def as_gradient_of(boxes: Tensor, gradient: Tensor) -> Tensor:
    """The gradient in the type of its boxes, within that type's range."""
    if gradient.dtype == boxes.dtype:
        return gradient
    limit = torch.finfo(boxes.dtype).max
    return gradient.clamp(-limit, limit).to(boxes.dtype)

"""First and second derivative of the norm over channels, once for register_autograd and once for the Functions.

x is the input, n its norm, g the gradient that arrives, r = x / n.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ... import reference


# [docs: setup]
def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    input, ctx.norm_deg = inputs
    ctx.save_for_backward(input, output)
    # [docs: end]


# [docs: register]
def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
    input, output = ctx.saved_tensors
    return torch.ops.ptdet.channel_norm_backward.default(grad, input, output, ctx.norm_deg), None
    # [docs: end]


def setup_context_of_backward(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    grad, input, norm, ctx.norm_deg = inputs
    ctx.save_for_backward(grad, input, norm)


def backward_of_backward(ctx: Any, along: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
    """The norm is a function of the input, and all of its share is in the input's: none goes to the norm itself."""
    grad, input, norm = ctx.saved_tensors
    of_grad, of_input = second_derivative(grad, input, norm, ctx.norm_deg, along)
    return (of_grad if ctx.needs_input_grad[0] else None), (of_input if ctx.needs_input_grad[1] else None), None, None


# [docs: second derivative]
def second_derivative(grad: Tensor, x: Tensor, norm: Tensor, p: float, along: Tensor) -> tuple[Tensor, Tensor]:
    """The derivative of sum(along * channel_norm_backward(grad, x, norm, p)) by grad and by x.

    With s = sign(r) |r|^(p-1) and a = along: by grad it is sum_c(s a), and by x it is
    g (p-1) / n (|r|^(p-2) a - s sum_c(s a)). Torch operations, so it is differentiable again.
    """
    wide = torch.promote_types(x.dtype, torch.float32)
    g, x, n, a = grad.to(wide), x.to(wide), norm.to(wide), along.to(wide)
    if p == math.inf:
        share = (x.abs() == n) | x.isnan()
        slope = x.sgn() * share / share.sum(1, keepdim=True).clamp(min=1)
        return (slope * a).sum(1, keepdim=True).to(grad.dtype), torch.zeros_like(x, dtype=grad.dtype)
    smooth = (x != 0) if p < 2 else (n != 0)
    n = torch.where(n == 0, 1.0, n)  # what these two replace never reaches a result, nor a NaN its gradient
    r = torch.where(x == 0, 0.0 if p >= 2 else 1.0, x / n)
    power = torch.ones_like(r) if p == 2 else reference.power(r.abs(), p - 2)
    slope = torch.where(x == 0, 0.0, r * power)
    by_grad = (slope * a).sum(1, keepdim=True)
    by_x = torch.where(smooth, power * a - slope * by_grad, 0.0) * (g / n) * (p - 1)
    return by_grad.to(grad.dtype), by_x.to(grad.dtype)
    # [docs: end]

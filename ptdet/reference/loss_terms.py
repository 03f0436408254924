"""What the losses of box regression are made of: overlaps and penalties of pairs of boxes, each a number a pair.

A measure takes boxes `a` (predicted) and `b` (target), shape (..., 4), x1, y1, x2, y2, and `Parameters`. It is written
plainly: it may overflow, and its gradient may be NaN. `term` and `Guarded` make it safe, so that a kernel has one
rule to follow: a term that comes out non-finite counts as 0 and has no gradient, and what is NaN in the gradient of
a term is 0, what is infinite the largest number of its type.

`torch.relu` is the clamp at 0, since it passes no gradient at 0; minimum and maximum share theirs at a tie.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from . import elementary, overlap
from .elementary import exponential
from .overlap import aspect_difference, centre_offset, enclosing, extents, share


class Parameters(NamedTuple):
    """What a measure may ask for beside the boxes; the losses say what `power` and `scale` mean to them."""

    eps: float
    power: float
    scale: float
    factors: Tensor  # (..., F): what is constant in the gradient


Measure = Callable[[Tensor, Tensor, Parameters], Tensor]


class Guarded(torch.autograd.Function):
    """Boxes in another type; their gradient comes back with 0 for NaN and within the range of the type they had."""

    generate_vmap_rule = True

    @staticmethod
    def forward(boxes: Tensor, dtype: torch.dtype) -> Tensor:
        return boxes.to(dtype, copy=True)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.dtype, ctx.wide = inputs[0].dtype, inputs[1]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        limit = torch.finfo(ctx.dtype).max
        return torch.where(torch.isnan(gradient), 0.0, gradient).clamp(-limit, limit).to(ctx.dtype), None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, _: Any) -> Tensor:
        return tangent.to(ctx.wide)


def guarded(boxes: Tensor, dtype: torch.dtype) -> Tensor:
    if not boxes.is_floating_point():
        return boxes.to(dtype)
    result: Tensor = Guarded.apply(boxes, dtype)
    return result


def finite_or(value: Tensor, otherwise: float) -> Tensor:
    return torch.where(torch.isfinite(value), value, otherwise)


def term(measure: Measure, a: Tensor, b: Tensor, p: Parameters, otherwise: float = 0.0) -> Tensor:
    """The value of a measure where it is finite; its gradient is cleaned apart from those of other terms."""
    return finite_or(measure(guarded(a, a.dtype), guarded(b, b.dtype), p), otherwise)


def raised(value: Tensor, power: float) -> Tensor:
    """value^power, and 0 without a gradient for a value <= 0, where rounding may have left a penalty."""
    positive = value > 0
    return torch.where(positive, elementary.power(torch.where(positive, value, 1.0), power), 0.0)


def sides(box: Tensor) -> tuple[Tensor, Tensor]:
    """Width and height as given: negative for an inverted box, so that a difference of sides opens it."""
    x1, y1, x2, y2 = box.unbind(-1)
    return x2 - x1, y2 - y1


def by_share(measure: overlap.Measure) -> Measure:
    """An overlap or a part of one, with `eps` in every denominator."""
    return lambda a, b, p: measure(a, b, overlap.Rule(share, p.eps, p.eps))


# overlaps: 1 for equal boxes


iou = by_share(overlap.iou)


def inner_iou(a: Tensor, b: Tensor, p: Parameters) -> Tensor:
    """IoU of the boxes with their sides times `scale`, about their centres (Zhang et al. 2023, Inner-IoU)."""
    return iou(scaled(a, p.scale), scaled(b, p.scale), p)


def scaled(box: Tensor, ratio: float) -> Tensor:
    x1, y1, x2, y2 = box.unbind(-1)
    width, height = sides(box)
    x, y, half_width, half_height = (x1 + x2) / 2, (y1 + y2) / 2, width * ratio / 2, height * ratio / 2
    return torch.stack([x - half_width, y - half_height, x + half_width, y + half_height], dim=-1)


def nwd(a: Tensor, b: Tensor, p: Parameters) -> Tensor:
    """exp(-sqrt(W^2 + eps) / scale), W the 2-Wasserstein distance of N(centre, diag(w^2 / 4, h^2 / 4))."""
    dx, dy = centre_offset(a, b)
    (a_width, a_height), (b_width, b_height) = sides(a), sides(b)
    dw, dh = (a_width - b_width) / 2, (a_height - b_height) / 2
    return exponential(-torch.sqrt(dx * dx + dy * dy + dw * dw + dh * dh + p.eps) / p.scale)


# penalties: 0 for equal boxes


hull = by_share(overlap.uncovered_share)
distance = by_share(overlap.distance_share)
aspect_weight = by_share(overlap.aspect_weight)


def aspect(a: Tensor, b: Tensor, p: Parameters) -> Tensor:
    """alpha v; alpha is constant in the gradient."""
    return p.factors[..., 0] * aspect_difference(a, b)


def width_difference(a: Tensor, b: Tensor, p: Parameters) -> Tensor:
    difference = sides(a)[0] - sides(b)[0]
    around, _ = extents(enclosing(a, b))
    return share(difference * difference, around * around + p.eps)


def height_difference(a: Tensor, b: Tensor, p: Parameters) -> Tensor:
    difference = sides(a)[1] - sides(b)[1]
    _, around = extents(enclosing(a, b))
    return share(difference * difference, around * around + p.eps)


def angled_distance(a: Tensor, b: Tensor, p: Parameters) -> Tensor:
    """Half of SIoU's distance cost, sum over x, y of 1 - exp(-(2 - angle) rho).

    The paper's angle cost 1 - 2 sin^2(asin(c_h / sigma) - pi/4) is sin(2 asin(c_h / sigma)), and with
    sigma^2 = c_w^2 + c_h^2 this is 2 c_w c_h / sigma^2, which is smooth where asin is not.
    """
    dx, dy = centre_offset(a, b)
    width, height = extents(enclosing(a, b))
    angle = share(2 * (dx.abs() * dy.abs()), dx * dx + dy * dy + p.eps)
    rho_x, rho_y = share(dx * dx, width * width + p.eps), share(dy * dy, height * height + p.eps)
    gamma = 2 - angle
    return ((1 - exponential(-gamma * rho_x)) + (1 - exponential(-gamma * rho_y))) / 2


def shape(a: Tensor, b: Tensor, p: Parameters) -> Tensor:
    """Half of SIoU's shape cost, sum over w, h of (1 - exp(-|w_a - w_b| / max(w_a, w_b)))^power."""
    (a_width, a_height), (b_width, b_height) = sides(a), sides(b)
    omega_w = share((a_width - b_width).abs(), torch.relu(torch.maximum(a_width, b_width)) + p.eps)
    omega_h = share((a_height - b_height).abs(), torch.relu(torch.maximum(a_height, b_height)) + p.eps)
    return (raised(1 - exponential(-omega_w), p.power) + raised(1 - exponential(-omega_h), p.power)) / 2


def upper_left(a: Tensor, b: Tensor, p: Parameters) -> Tensor:
    """Squared distance of the first corners over `scale`, the squared diagonal of the image."""
    dx, dy = a[..., 0] - b[..., 0], a[..., 1] - b[..., 1]
    return (dx * dx + dy * dy) / (p.scale + p.eps)


def lower_right(a: Tensor, b: Tensor, p: Parameters) -> Tensor:
    """Squared distance of the second corners over `scale`, the squared diagonal of the image."""
    dx, dy = a[..., 2] - b[..., 2], a[..., 3] - b[..., 3]
    return (dx * dx + dy * dy) / (p.scale + p.eps)


def attention(a: Tensor, b: Tensor, p: Parameters) -> Tensor:
    """WIoU's exp(squared distance of the centres / squared diagonal of the enclosing box), the latter constant."""
    dx, dy = centre_offset(a, b)
    return exponential(share(dx * dx + dy * dy, p.factors[..., 0] + p.eps))

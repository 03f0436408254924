"""What the losses of box regression are made of: overlaps and penalties of pairs of boxes, each a number a pair.

A measure takes boxes `a` (predicted) and `b` (target), shape (..., 4), x1, y1, x2, y2, and `Parameters`. It is written
plainly: it may overflow, and its gradient may be NaN. `term` and `Guarded` make it safe, so that a kernel has one
rule to follow: a term that comes out non-finite counts as 0 and has no gradient, and what is NaN in the gradient of
a term is 0, what is infinite the largest number of its type.

`torch.relu` is the clamp at 0, since it passes no gradient at 0; minimum and maximum share theirs at a tie.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from . import elementary
from .elementary import diagonal_angle, exponential


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


def share(part: Tensor, whole: Tensor) -> Tensor:
    """part / whole, and 0 for 0/0."""
    return torch.where((part == 0) & (whole == 0), 0.0, part / whole)


def raised(value: Tensor, power: float) -> Tensor:
    """value^power, and 0 without a gradient for a value <= 0, where rounding may have left a penalty."""
    positive = value > 0
    return torch.where(positive, elementary.power(torch.where(positive, value, 1.0), power), 0.0)


def sides(box: Tensor) -> tuple[Tensor, Tensor]:
    """Width and height as given: negative for an inverted box, so that a difference of sides opens it."""
    x1, y1, x2, y2 = box.unbind(-1)
    return x2 - x1, y2 - y1


def area(box: Tensor) -> Tensor:
    width, height = sides(box)
    return torch.relu(width) * torch.relu(height)


def centre_offset(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """From the centre of b to that of a."""
    ax1, ay1, ax2, ay2 = a.unbind(-1)
    bx1, by1, bx2, by2 = b.unbind(-1)
    return (ax1 + ax2) / 2 - (bx1 + bx2) / 2, (ay1 + ay2) / 2 - (by1 + by2) / 2


def hull_sides(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Sides of the smallest box around both."""
    ax1, ay1, ax2, ay2 = a.unbind(-1)
    bx1, by1, bx2, by2 = b.unbind(-1)
    width = torch.relu(torch.maximum(ax2, bx2) - torch.minimum(ax1, bx1))
    height = torch.relu(torch.maximum(ay2, by2) - torch.minimum(ay1, by1))
    return width, height


def intersection_and_union(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    ax1, ay1, ax2, ay2 = a.unbind(-1)
    bx1, by1, bx2, by2 = b.unbind(-1)
    width = torch.relu(torch.minimum(ax2, bx2) - torch.maximum(ax1, bx1))
    height = torch.relu(torch.minimum(ay2, by2) - torch.maximum(ay1, by1))
    inter = width * height
    return inter, area(a) + area(b) - inter


# overlaps: 1 for equal boxes


def iou(a: Tensor, b: Tensor, p: Parameters) -> Tensor:
    inter, union = intersection_and_union(a, b)
    return share(inter, union + p.eps)


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


def hull(a: Tensor, b: Tensor, p: Parameters) -> Tensor:
    """The share of the enclosing box that neither box covers."""
    _, union = intersection_and_union(a, b)
    width, height = hull_sides(a, b)
    around = width * height
    return share(around - union, around + p.eps)


def squared_diagonal(a: Tensor, b: Tensor) -> Tensor:
    width, height = hull_sides(a, b)
    return width * width + height * height


def distance(a: Tensor, b: Tensor, p: Parameters) -> Tensor:
    """Squared distance of the centres over the squared diagonal of the enclosing box."""
    dx, dy = centre_offset(a, b)
    return share(dx * dx + dy * dy, squared_diagonal(a, b) + p.eps)


def aspect_difference(a: Tensor, b: Tensor) -> Tensor:
    """v = 4/pi^2 (atan(w_b/h_b) - atan(w_a/h_a))^2."""
    (a_width, a_height), (b_width, b_height) = sides(a), sides(b)
    turn = diagonal_angle(torch.relu(b_width), torch.relu(b_height)) - diagonal_angle(
        torch.relu(a_width), torch.relu(a_height)
    )
    return 4 / (math.pi * math.pi) * (turn * turn)


def aspect(a: Tensor, b: Tensor, p: Parameters) -> Tensor:
    """alpha v; alpha is constant in the gradient."""
    return p.factors[..., 0] * aspect_difference(a, b)


def aspect_weight(a: Tensor, b: Tensor, p: Parameters) -> Tensor:
    """alpha = v / (1 - IoU + v)."""
    v = aspect_difference(a, b)
    return share(v, 1 - iou(a, b, p) + v + p.eps)


def width_difference(a: Tensor, b: Tensor, p: Parameters) -> Tensor:
    difference = sides(a)[0] - sides(b)[0]
    around, _ = hull_sides(a, b)
    return share(difference * difference, around * around + p.eps)


def height_difference(a: Tensor, b: Tensor, p: Parameters) -> Tensor:
    difference = sides(a)[1] - sides(b)[1]
    _, around = hull_sides(a, b)
    return share(difference * difference, around * around + p.eps)


def angled_distance(a: Tensor, b: Tensor, p: Parameters) -> Tensor:
    """Half of SIoU's distance cost, sum over x, y of 1 - exp(-(2 - angle) rho).

    The paper's angle cost 1 - 2 sin^2(asin(c_h / sigma) - pi/4) is sin(2 asin(c_h / sigma)), and with
    sigma^2 = c_w^2 + c_h^2 this is 2 c_w c_h / sigma^2, which is smooth where asin is not.
    """
    dx, dy = centre_offset(a, b)
    width, height = hull_sides(a, b)
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

"""Distances of rotated boxes as Gaussians, of centre, direction and variances w^2 / 4 and h^2 / 4, in float64.

Composed of differentiable operations, and of sums of squares: 0 at a perfect match, where they have no slope.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from .elementary import power_below, square_root
from .loss_terms import guarded
from .rotated_box import UNIT, Turned, relative, turned
from .rotated_gaussian import gaussians

FAR = 1e300  # as many sides away no distance is finite


def bhattacharyya(a: Turned, b: Turned) -> Tensor:
    """The distance of Bhattacharyya, with variances w^2 / 12 and h^2 / 12: -ln(1 - l1^2) of the ProbIoU loss l1."""
    g = gaussians(a, b)
    return 3 * (g.distance / g.determinant) + 0.5 * torch.log1p(g.unlike / (4 * (g.area_a * g.area_b)))


class Paired(NamedTuple):
    """The sides of b that go with a's w and h, those that are more nearly parallel, and the turn from these."""

    w: Tensor
    h: Tensor
    squared_cos: Tensor
    squared_sin: Tensor


def paired(a: Turned, b: Turned) -> Paired:
    at = relative(b, a)
    c, s = at.cos * at.cos, at.sin * at.sin
    swapped = s > c
    w, h = torch.where(swapped, b.h, b.w), torch.where(swapped, b.w, b.h)
    return Paired(w, h, torch.where(swapped, s, c), torch.where(swapped, c, s))


def difference(x: Tensor, y: Tensor) -> Tensor:
    """Of their squares."""
    return (x - y) * (x + y)


def near_one(a: Turned, b: Turned) -> tuple[Turned, Turned, Tensor]:
    """Both with the longest side in [1, 2) and a at the origin, and the power of two that they were divided by."""
    scale = power_below(torch.maximum(torch.maximum(a.w, a.h), torch.maximum(b.w, b.h)))
    by = 1 / scale

    def at(box: Turned, cx: Tensor, cy: Tensor) -> Turned:
        x, y = (each.clamp(-FAR, FAR) for each in (cx * by, cy * by))
        return box._replace(cx=x, cy=y, w=box.w * by, h=box.h * by, area=box.area * by * by)

    zero = torch.zeros_like(by)
    return at(a, zero, zero), at(b, b.cx - a.cx, b.cy - a.cy), scale


def wasserstein(a: Turned, b: Turned, alpha: float, normalize: bool) -> Tensor:
    """The 2-Wasserstein distance, the covariances' part of it times alpha; normalized: over the mean side."""
    a, b, scale = near_one(a, b)
    w, h, c, s = paired(a, b)
    along, across = a.w * w + a.h * h, a.w * h + a.h * w
    mean = square_root(c * along * along + s * across * across)
    # along - mean, which is 0 at a perfect match, by the difference of their squares
    turned_away = s * (difference(a.w, a.h) * difference(w, h)) / (along + mean)
    shape = 0.25 * ((a.w - w) * (a.w - w) + (a.h - h) * (a.h - h) + 2 * turned_away)
    dx, dy = b.cx - a.cx, b.cy - a.cy
    distance = square_root(dx * dx + dy * dy + alpha * alpha * torch.relu(shape))
    if not normalize:
        return distance * scale
    return distance / square_root(square_root(a.w * a.h) * square_root(b.w * b.h))


def unlogged(side: Tensor, own: Tensor) -> Tensor:
    """(r^2 - 1) / 2 - ln r of r = side / own, from r - 1 where they are close."""
    more = (side - own) / own
    far = more < -0.5
    logarithm = torch.where(far, torch.log(torch.where(far, side / own, 1.0)), torch.log1p(torch.where(far, 0.0, more)))
    return more + 0.5 * more * more - logarithm


def kullback_leibler(a: Turned, b: Turned, alpha: float) -> Tensor:
    """KL(b || a), the centres' part of it over alpha^2."""
    a, b, _ = near_one(a, b)
    w, h, _, s = paired(a, b)
    turned_away = s * (difference(a.w, a.h) * difference(w, h)) / (a.w * a.h) / (a.w * a.h)
    shape = unlogged(w, a.w) + unlogged(h, a.h) + 0.5 * turned_away
    at = relative(b, a)
    u, v = at.x / a.w, at.y / a.h
    return torch.relu(shape) + 2 * (u * u + v * v) / (alpha * alpha)


def of_filled_boxes(boxes1: Tensor, boxes2: Tensor, loss: Callable[[Turned, Turned], Tensor]) -> Tensor:
    """loss(a, b) of boxes (..., 5) that broadcast; 1, without a slope, where one of a pair is empty or not finite, or
    float64 has no number for how unlike they are."""
    dtype = torch.float64 if torch.float64 in (boxes1.dtype, boxes2.dtype) else torch.float32
    device = boxes1.device
    if device.type == "mps":  # has no float64
        boxes1, boxes2 = boxes1.cpu(), boxes2.cpu()
    pair = torch.broadcast_tensors(guarded(boxes1, torch.float64), guarded(boxes2, torch.float64))
    areas = [turned(boxes.detach()).area for boxes in pair]
    sound = torch.isfinite(areas[0]) & torch.isfinite(areas[1]) & (areas[0] > 0) & (areas[1] > 0)
    a, b = (turned(torch.where(sound[..., None], boxes, boxes.new_tensor(UNIT))) for boxes in pair)
    value = loss(a, b)
    value = torch.where(sound & ~torch.isnan(value), value, 1.0).clamp(max=torch.finfo(dtype).max)
    return value.to(device=device, dtype=dtype)

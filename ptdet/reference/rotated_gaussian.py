"""Rotated boxes as Gaussians of the same centre and direction, and how alike they are: docs/SPEC.md, section 2.

Of sums of squares, so that nothing cancels near a perfect match; the sides are first divided by a power of two, so that
no product of four leaves the range.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from .elementary import decayed, power_below, square_root
from .rotated_box import Turned, relative


class Gaussians(NamedTuple):
    """Of two boxes a and b: their sides, and the way from a to b along the sides of each, divided by `scale`.

    With the covariances S_a and S_b of variances w^2 and h^2, `determinant` is det(S_a + S_b), 4 area_a area_b plus
    `unlike`, and `distance` is d^T adj(S_a + S_b) d.
    """

    scale: Tensor
    wa: Tensor
    ha: Tensor
    wb: Tensor
    hb: Tensor
    area_a: Tensor
    area_b: Tensor
    cos: Tensor
    sin: Tensor
    ua: Tensor
    va: Tensor
    ub: Tensor
    vb: Tensor
    wide: Tensor  # wa hb - ha wb: 0 for boxes of one shape
    tall: Tensor  # wa wb - ha hb: 0 for such with the sides exchanged
    unlike: Tensor
    determinant: Tensor
    distance: Tensor


def gaussians(a: Turned, b: Turned) -> Gaussians:
    longest = torch.maximum(torch.maximum(a.w, a.h), torch.maximum(b.w, b.h))
    scale = power_below(longest)
    by = 1 / scale
    at = relative(b, a)
    wa, ha, wb, hb = a.w * by, a.h * by, b.w * by, b.h * by
    area_a, area_b = wa * ha, wb * hb
    ua, va = at.x * by, at.y * by
    ub, vb = (at.dx * b.cos + at.dy * b.sin) * by, (at.dy * b.cos - at.dx * b.sin) * by
    wide, tall, more = wa * hb - ha * wb, wa * wb - ha * hb, area_a - area_b
    across, along = at.cos * wide, at.sin * tall
    unlike = more * more + (across * across + along * along)
    first, second, third, fourth = ha * ua, wa * va, hb * ub, wb * vb
    distance = (first * first + second * second) + (third * third + fourth * fourth)
    determinant = 4 * (area_a * area_b) + unlike
    turn = at.cos, at.sin
    return Gaussians(
        *(scale, wa, ha, wb, hb, area_a, area_b, *turn, ua, va, ub, vb, wide, tall, unlike, determinant, distance)
    )


def alike(g: Gaussians) -> tuple[Tensor, Tensor]:
    """The coefficient of Bhattacharyya, and the distance of Hellinger, whose square is 1 less that."""
    ratio = g.unlike / (4 * (g.area_a * g.area_b))
    whole = 1 + ratio
    by = square_root(whole)
    of_shape = 1 / by
    lost = torch.where(ratio < 1, ratio / (whole + by), 1 - of_shape)
    left, gone = decayed(3 * (g.distance / g.determinant))
    return of_shape * left, square_root(lost + of_shape * gone)


def of_filled(a: Turned, b: Turned, value: Tensor) -> Tensor:
    return torch.where((a.area > 0) & (b.area > 0), value, 0.0) + ((a.area - a.area) + (b.area - b.area))


def probiou(a: Turned, b: Turned) -> Tensor:
    """Murrugarra-Llerena et al., IEEE TIP 2024: 1 less the distance of Hellinger, of variances w^2 / 12, h^2 / 12."""
    coefficient, apart = alike(gaussians(a, b))
    return of_filled(a, b, coefficient / (1 + apart))


def kfiou(a: Turned, b: Turned) -> Tensor:
    """Yang et al., ICLR 2023: the overlap of the Gaussians' product, as if both had one centre. At most 1/3."""
    g = gaussians(a, b)
    product = g.area_a * g.area_b
    return of_filled(a, b, product / ((g.area_a + g.area_b) * square_root(g.determinant) - product))


def slopes_by_a(a: Turned, b: Turned, g: Gaussians, of_area: Tensor, of_unlike: Tensor, of_distance: Tensor) -> Tensor:
    """By the numbers of a: factors of the slopes of its area, of `unlike` and of `distance`."""
    by, more = 1 / g.scale, g.area_a - g.area_b
    across, along = g.cos * g.cos * g.wide, g.sin * g.sin * g.tall
    xa, ya, xb, yb = g.ha * g.ha * g.ua, g.wa * g.wa * g.va, g.hb * g.hb * g.ub, g.wb * g.wb * g.vb
    squares_a, squares_b = g.wa * g.wa - g.ha * g.ha, g.wb * g.wb - g.hb * g.hb
    unlike_w = more * g.ha + (across * g.hb + along * g.wb)
    unlike_h = more * g.wa - (across * g.wb + along * g.hb)
    slopes = [
        -2 * by * of_distance * ((xa * a.cos - ya * a.sin) + (xb * b.cos - yb * b.sin)),
        -2 * by * of_distance * ((xa * a.sin + ya * a.cos) + (xb * b.sin + yb * b.cos)),
        by * (of_area * g.ha + 2 * of_unlike * unlike_w + 2 * of_distance * (g.wa * g.va * g.va)),
        by * (of_area * g.wa + 2 * of_unlike * unlike_h + 2 * of_distance * (g.ha * g.ua * g.ua)),
        -2 * (of_unlike * (g.cos * g.sin * squares_a * squares_b) + of_distance * (g.ua * g.va * squares_a)),
    ]
    return torch.stack(slopes, dim=-1)


def probiou_slopes(a: Turned, b: Turned) -> Tensor:
    """By the numbers of a. At a perfect match, where it has a kink, 0."""
    g = gaussians(a, b)
    coefficient, apart = alike(g)
    unlike = apart > 0
    decay = 3 * (g.distance / g.determinant)
    factor = torch.where(unlike, -0.5 * coefficient / (torch.where(unlike, apart, 1.0) * g.determinant), 0.0)
    of_area = factor * (-4 * decay * g.area_b - 0.5 * (g.unlike / g.area_a))
    return slopes_by_a(a, b, g, of_area, factor * (0.5 - decay), 3 * factor)


def kfiou_slopes(a: Turned, b: Turned) -> Tensor:
    g = gaussians(a, b)
    total, fused = g.area_a + g.area_b, g.area_a * g.area_b / square_root(g.determinant)
    factor = fused / ((total - fused) * (total - fused))
    of_area = factor * (total * (1 / g.area_a - 2 * g.area_b / g.determinant) - 1)
    return slopes_by_a(a, b, g, of_area, -0.5 * factor * total / g.determinant, torch.zeros_like(factor))

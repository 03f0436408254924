"""The overlap measures, elementwise over boxes (..., 4) that broadcast against each other, and their parts.

`a` is the candidate and `b` the selected box where a measure tells them apart (iof). One rounding for each written
operation; the order of operations is part of the contract, because results are compared bit for bit.

A `Rule` says how a measure divides: as decisions see it, or with an epsilon and a gradient (pairs.py, loss_terms.py).
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from .elementary import diagonal_angle


def share(part: Tensor, whole: Tensor) -> Tensor:
    """part / whole, and 0 for 0/0."""
    return torch.where((part == 0) & (whole == 0), 0.0, part / whole)


def as_it_is(value: Tensor) -> Tensor:
    return value


class Rule(NamedTuple):
    """How quotients are taken."""

    divide: Callable[[Tensor, Tensor], Tensor] = share
    eps: float | None = None  # added to the denominators of penalties
    joint_eps: float | None = None  # added to the denominators of overlaps
    alpha: Callable[[Tensor], Tensor] = as_it_is  # what ciou makes of its weight, to hold it fixed in the gradient

    def penalty(self, part: Tensor, whole: Tensor) -> Tensor:
        return self.divide(part, whole if self.eps is None else whole + self.eps)

    def overlap(self, part: Tensor, whole: Tensor) -> Tensor:
        return self.divide(part, whole if self.joint_eps is None else whole + self.joint_eps)


RAW = Rule()
Measure = Callable[[Tensor, Tensor, Rule], Tensor]


def finite_or_zero(value: Tensor) -> Tensor:
    """What is not finite counts as 0."""
    return torch.where(torch.isfinite(value), value, 0.0)


def extents(box: Tensor) -> tuple[Tensor, Tensor]:
    """Width and height; an inverted box is empty. relu is the clamp at 0 that passes no gradient there."""
    x1, y1, x2, y2 = box.unbind(-1)
    return torch.relu(x2 - x1), torch.relu(y2 - y1)


def area(box: Tensor) -> Tensor:
    width, height = extents(box)
    return width * height


def intersection(a: Tensor, b: Tensor) -> Tensor:
    """Area of the rectangle that both boxes cover."""
    ax1, ay1, ax2, ay2 = a.unbind(-1)
    bx1, by1, bx2, by2 = b.unbind(-1)
    width = torch.relu(torch.minimum(ax2, bx2) - torch.maximum(ax1, bx1))
    height = torch.relu(torch.minimum(ay2, by2) - torch.maximum(ay1, by1))
    return width * height


def union(a: Tensor, b: Tensor, inter: Tensor) -> Tensor:
    return area(a) + area(b) - inter


def enclosing(a: Tensor, b: Tensor) -> Tensor:
    """The smallest box around both, from the corners as given."""
    upper_left = torch.minimum(a[..., :2], b[..., :2])
    lower_right = torch.maximum(a[..., 2:], b[..., 2:])
    return torch.cat([upper_left, lower_right], dim=-1)


def centre_offset(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """From the centre of b to that of a."""
    dx, dy = ((a[..., :2] + a[..., 2:]) / 2 - (b[..., :2] + b[..., 2:]) / 2).unbind(-1)
    return dx, dy


def squared_diagonal(a: Tensor, b: Tensor) -> Tensor:
    """Of the enclosing box."""
    width, height = extents(enclosing(a, b))
    return width * width + height * height


def uncovered_share(a: Tensor, b: Tensor, rule: Rule = RAW) -> Tensor:
    """The share of the enclosing box that neither box covers."""
    around = area(enclosing(a, b))
    return rule.penalty(around - union(a, b, intersection(a, b)), around)


def distance_share(a: Tensor, b: Tensor, rule: Rule = RAW) -> Tensor:
    """Squared distance of the centres over the squared diagonal of the enclosing box."""
    dx, dy = centre_offset(a, b)
    return rule.penalty(dx * dx + dy * dy, squared_diagonal(a, b))


def aspect_difference(a: Tensor, b: Tensor) -> Tensor:
    """v = 4/pi^2 (atan(w_b/h_b) - atan(w_a/h_a))^2."""
    turn = diagonal_angle(*extents(b)) - diagonal_angle(*extents(a))
    return 4 / (math.pi * math.pi) * (turn * turn)


def aspect_weight(a: Tensor, b: Tensor, rule: Rule = RAW) -> Tensor:
    """alpha = v / (1 - IoU + v)."""
    v = aspect_difference(a, b)
    return rule.penalty(v, 1 - iou(a, b, rule) + v)


def centre_distance_share(a: Tensor, b: Tensor, rule: Rule = RAW) -> Tensor:
    return finite_or_zero(distance_share(a, b, rule))


def iou(a: Tensor, b: Tensor, rule: Rule = RAW) -> Tensor:
    inter = intersection(a, b)
    return rule.overlap(inter, union(a, b, inter))


def giou(a: Tensor, b: Tensor, rule: Rule = RAW) -> Tensor:
    """Rezatofighi et al., "Generalized Intersection over Union", CVPR 2019."""
    inter, around = intersection(a, b), area(enclosing(a, b))
    joint = union(a, b, inter)
    return rule.overlap(inter, joint) - finite_or_zero(rule.penalty(around - joint, around))


def diou(a: Tensor, b: Tensor, rule: Rule = RAW) -> Tensor:
    """Zheng et al., "Distance-IoU Loss", AAAI 2020."""
    return iou(a, b, rule) - centre_distance_share(a, b, rule)


def ciou(a: Tensor, b: Tensor, rule: Rule = RAW) -> Tensor:
    """Zheng et al., AAAI 2020: DIoU less a term for the difference in aspect ratio."""
    v, alpha = aspect_difference(a, b), rule.alpha(aspect_weight(a, b, rule))
    penalty = torch.where(torch.isfinite(alpha * v), alpha, 0.0) * finite_or_zero(v)
    return diou(a, b, rule) - penalty


def iof(a: Tensor, b: Tensor, rule: Rule = RAW) -> Tensor:
    """The share of the candidate a that b covers."""
    return rule.overlap(intersection(a, b), area(a))


def ios(a: Tensor, b: Tensor, rule: Rule = RAW) -> Tensor:
    """The share of the smaller box that the other covers."""
    return rule.overlap(intersection(a, b), torch.minimum(area(a), area(b)))


def tiou(a: Tensor, b: Tensor, rule: Rule = RAW) -> Tensor:
    """Tracking IoU (arXiv:2310.05171) as powerboxes has it: the smaller area over that of the enclosing box."""
    return rule.overlap(torch.minimum(area(a), area(b)), area(enclosing(a, b)))


FLOATS = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
METRICS: dict[str, Measure] = {
    "iou": iou,
    "giou": giou,
    "diou": diou,
    "ciou": ciou,
    "iof": iof,
    "ios": ios,
    "tiou": tiou,
}


def computed(boxes: Tensor) -> Tensor:
    """Boxes in the type their overlaps are computed in: float64 stays, all else is float32."""
    return boxes if boxes.dtype == torch.float64 else boxes.to(torch.float32)


def raw_overlap(a: Tensor, b: Tensor, metric: str = "iou") -> Tensor:
    """What a decision looks at: NaN or inf where the arithmetic gave that."""
    if metric not in METRICS:
        raise ValueError(f"metric: expected one of {', '.join(METRICS)}, got {metric!r}")
    return METRICS[metric](computed(a), computed(b), RAW)


def overlap(a: Tensor, b: Tensor, metric: str = "iou") -> Tensor:
    """The value of a measure: always finite."""
    return finite_or_zero(raw_overlap(a, b, metric))

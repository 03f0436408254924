"""The overlap measures, elementwise over boxes (..., 4) that broadcast against each other.

`a` is the candidate and `b` the visited box where a measure tells them apart (iof). One rounding for each written
operation; the order of operations is part of the contract, because results are compared bit for bit.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from .elementary import diagonal_angle


def share(part: Tensor, whole: Tensor) -> Tensor:
    """part / whole, and 0 for 0/0."""
    return torch.where((part == 0) & (whole == 0), 0.0, part / whole)


def finite_or_zero(value: Tensor) -> Tensor:
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


def iou(a: Tensor, b: Tensor) -> Tensor:
    inter = intersection(a, b)
    return share(inter, union(a, b, inter))


def giou(a: Tensor, b: Tensor) -> Tensor:
    """Rezatofighi et al., "Generalized Intersection over Union", CVPR 2019."""
    inter, hull = intersection(a, b), area(enclosing(a, b))
    joint = union(a, b, inter)
    return share(inter, joint) - finite_or_zero(share(hull - joint, hull))


def centre_distance_share(a: Tensor, b: Tensor) -> Tensor:
    """Squared distance of the centres over the squared diagonal of the enclosing box."""
    distance = (a[..., :2] + a[..., 2:]) / 2 - (b[..., :2] + b[..., 2:]) / 2
    dx, dy = distance.unbind(-1)
    width, height = extents(enclosing(a, b))
    return finite_or_zero(share(dx * dx + dy * dy, width * width + height * height))


def diou(a: Tensor, b: Tensor) -> Tensor:
    """Zheng et al., "Distance-IoU Loss", AAAI 2020."""
    return iou(a, b) - centre_distance_share(a, b)


def ciou(a: Tensor, b: Tensor) -> Tensor:
    """Zheng et al., AAAI 2020: DIoU less a term for the difference in aspect ratio."""
    turn = diagonal_angle(*extents(b)) - diagonal_angle(*extents(a))
    v = 4 / (math.pi * math.pi) * (turn * turn)
    alpha = share(v, 1 - iou(a, b) + v)
    return diou(a, b) - finite_or_zero(alpha * v)


def iof(a: Tensor, b: Tensor) -> Tensor:
    """The share of the candidate a that b covers."""
    return share(intersection(a, b), area(a))


def ios(a: Tensor, b: Tensor) -> Tensor:
    """The share of the smaller box that the other covers."""
    return share(intersection(a, b), torch.minimum(area(a), area(b)))


FLOATS = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
METRICS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "iou": iou,
    "giou": giou,
    "diou": diou,
    "ciou": ciou,
    "iof": iof,
    "ios": ios,
}


def computed(boxes: Tensor) -> Tensor:
    """Boxes in the type their overlaps are computed in: float64 stays, all else is float32."""
    return boxes if boxes.dtype == torch.float64 else boxes.to(torch.float32)


def raw_overlap(a: Tensor, b: Tensor, metric: str = "iou") -> Tensor:
    """What a decision looks at: NaN or inf where the arithmetic gave that."""
    if metric not in METRICS:
        raise ValueError(f"metric: expected one of {', '.join(METRICS)}, got {metric!r}")
    return METRICS[metric](computed(a), computed(b))


def overlap(a: Tensor, b: Tensor, metric: str = "iou") -> Tensor:
    """The value of a measure: always finite."""
    return finite_or_zero(raw_overlap(a, b, metric))

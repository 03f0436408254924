"""Small things done to rotated boxes: other formats, the smallest rectangle around points, angles within a range."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .._library.checks import check_dense, check_floating
from .._library.overlap_checks import check_boxes
from .._shared.checks import one_of
from ..reference import cosine, sine
from ..reference.elementary import diagonal_angle
from ..reference.rotated_box import wide

NUMBERS = {"cxcywhr": 5, "xywhr": 5, "xyxyxyxy": 8, "xyxy": 4}
SIGNS = ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0))  # of the corners, along the box's sides
PI = (3.141592653589793, 1.2246467991473532e-16)  # in two parts
# By convention: the least angle, and its period; the sides change places with each quarter turn, where that is pi / 2.
RANGES = {
    "le90": (-math.pi / 2, math.pi),
    "le135": (-math.pi / 4, math.pi),
    "oc": (0.0, math.pi / 2),
    "ultralytics": (0.0, math.pi / 2),
}


def box_convert(boxes: Tensor, in_fmt: str, out_fmt: str) -> Tensor:
    """Rotated boxes in another format; angles in radians from +x to +y.

    "cxcywhr": the centre, width, height, angle, what this module takes; "xywhr": the same with the first corner, the
    one that is upper left before the turn; "xyxyxyxy": that corner, and the others along the width, then the height;
    "xyxy": two corners of a box that is not rotated. To xyxy, it is the smallest such box around. From xyxyxyxy,
    corners are taken for a rectangle's; `min_area_rect` is for other quads.

    `ptdet.box_convert` has torchvision's functions and words, whose angles are in degrees the other way round.

    Args:
        boxes: (..., 5), (..., 8) or (..., 4), floats of any unit.
        in_fmt: the format they are in.
        out_fmt: the format to give.

    Returns:
        The boxes in the input's dtype, computed in float64, in new memory.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import math, torch, ptdet
    >>> ptdet.rotated.box_convert(torch.tensor([5., 5., 4., 2., math.pi / 2]), "cxcywhr", "xyxy")
    tensor([4., 3., 6., 7.])
    """
    one_of("in_fmt", in_fmt, tuple(NUMBERS))
    one_of("out_fmt", out_fmt, tuple(NUMBERS))
    check_dense(boxes=boxes)
    check_boxes("boxes", boxes, numbers=NUMBERS[in_fmt])
    check_floating("boxes", boxes)
    if in_fmt == out_fmt:
        return boxes.clone()
    return _from_centre(_to_centre(wide(boxes), in_fmt), out_fmt).to(boxes)


def _to_centre(boxes: Tensor, fmt: str) -> Tensor:
    if fmt == "cxcywhr":
        return boxes
    if fmt == "xyxy":
        x1, y1, x2, y2 = boxes.unbind(-1)
        return torch.stack([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1, torch.zeros_like(x1)], dim=-1)
    if fmt == "xywhr":
        x, y, w, h, angle = boxes.unbind(-1)
        across, along = _turned(w / 2, h / 2, angle)
        return torch.stack([x + across, y + along, w, h, angle], dim=-1)
    a, b, c, d = boxes.unflatten(-1, (4, 2)).unbind(-2)
    (w_x, w_y), (h_x, h_y) = (((b - a + c - d) / 2).unbind(-1), ((d - a + c - b) / 2).unbind(-1))
    w, h = torch.hypot(w_x, w_y), torch.hypot(h_x, h_y)
    angle = torch.where(w > 0, direction_angle(w_x, w_y), direction_angle(h_y, -h_x))
    return torch.cat([(a + b + c + d) / 4, torch.stack([w, h, angle], dim=-1)], dim=-1)


def _from_centre(boxes: Tensor, fmt: str) -> Tensor:
    x, y, w, h, angle = boxes.unbind(-1)
    if fmt == "cxcywhr":
        return boxes
    corners = [_turned(i * w / 2, j * h / 2, angle) for i, j in SIGNS]
    if fmt == "xywhr":
        return torch.stack([x + corners[0][0], y + corners[0][1], w, h, angle], dim=-1)
    xs, ys = torch.stack([x + dx for dx, _ in corners], -1), torch.stack([y + dy for _, dy in corners], -1)
    if fmt == "xyxyxyxy":
        return torch.stack([xs, ys], dim=-1).flatten(-2)
    return torch.stack([xs.amin(-1), ys.amin(-1), xs.amax(-1), ys.amax(-1)], dim=-1)


def _turned(x: Tensor, y: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    c, s = cosine(angle), sine(angle)
    return c * x - s * y, s * x + c * y


def direction_angle(x: Tensor, y: Tensor) -> Tensor:
    """Of a direction, in (-pi, pi]."""
    turn = diagonal_angle(y.abs(), x.abs())
    turn = torch.where(x < 0, math.pi - turn, turn)
    return torch.where(y < 0, -turn, turn)


def min_area_rect(points: Tensor) -> Tensor:
    """The rectangle of smallest area around points. A quad is four of them, a polygon its corners.

    Args:
        points: (..., P, 2), P > 0, floats of any unit.

    Returns:
        (..., 5) cx, cy, w, h, angle in [0, pi / 2); of equal areas (within 1e-12 of them) the smallest angle. Computed
        in float64, in the input's dtype. One side of it lies along two of the points.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import torch, ptdet
    >>> ptdet.rotated.min_area_rect(torch.tensor([[0., 1.], [1., 0.], [2., 1.], [1., 2.]]))
    tensor([1.0000, 1.0000, 1.4142, 1.4142, 0.7854])
    """
    check_dense(points=points)
    if points.dim() < 2 or points.shape[-1] != 2 or points.shape[-2] == 0:
        raise ValueError(f"points: expected shape (..., P, 2) with P > 0, got {tuple(points.shape)}")
    check_floating("points", points)
    origin = wide(points)[..., :1, :]
    placed = wide(points) - origin
    # a side of the smallest rectangle lies along two points (Freeman and Shapira 1975)
    best = [_smallest(_around(placed, placed - placed[..., k : k + 1, :])) for k in range(placed.shape[-2])]
    found = _smallest(torch.stack(best, dim=-2))
    return torch.cat([found[..., :2] + origin[..., 0, :], found[..., 2:]], dim=-1).to(points)


def _around(points: Tensor, directions: Tensor) -> Tensor:
    """The rectangles (..., D, 5) around points (..., P, 2), with sides along directions (..., D, 2)."""
    x, y = directions.unbind(-1)
    for _ in range(3):  # a side's own or another's, in the first quadrant
        first = (x > 0) & (y >= 0)
        x, y = torch.where(first, x, -y), torch.where(first, y, x)
    length = torch.sqrt(x * x + y * y)
    nothing = length == 0
    c, s = torch.where(nothing, 1.0, x / length), torch.where(nothing, 0.0, y / length)
    px, py = (each[..., None, :] for each in points.unbind(-1))
    along, across = c[..., None] * px + s[..., None] * py, c[..., None] * py - s[..., None] * px
    (low_u, high_u), (low_v, high_v) = ((each.amin(-1), each.amax(-1)) for each in (along, across))
    u, v = (low_u + high_u) / 2, (low_v + high_v) / 2
    sides = high_u - low_u, high_v - low_v
    return torch.stack([c * u - s * v, s * u + c * v, *sides, direction_angle(c, s)], dim=-1)


def _smallest(rectangles: Tensor) -> Tensor:
    """Of (..., D, 5) that of smallest area; of those within 1e-12 of it that of the smallest angle, then the first."""
    area = rectangles[..., 2] * rectangles[..., 3]
    least = area.amin(-1, keepdim=True)
    angle = torch.where(area <= least + 1e-12 * least, rectangles[..., 4], math.inf)
    return torch.take_along_dim(rectangles, angle.argmin(-1)[..., None, None], dim=-2)[..., 0, :]


def normalize_angle(boxes: Tensor, convention: str) -> Tensor:
    """The same rectangles by the numbers that another system would write.

    Args:
        boxes: (..., 5) cx, cy, w, h, angle, floats.
        convention: "le90": w is the longer side, angle in [-pi/2, pi/2); "le135": w is the longer side, angle in
            [-pi/4, 3 pi/4); "oc": angle in (0, pi/2], as mmrotate has these; "ultralytics": angle in [0, pi/2).

    Returns:
        (..., 5) in the input's dtype; the ends of a range are rounded to it. A square keeps w and h as they are under
        le90 and le135.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import math, torch, ptdet
    >>> ptdet.rotated.normalize_angle(torch.tensor([5., 5., 2., 4., 0.]), "le90")
    tensor([ 5.0000,  5.0000,  4.0000,  2.0000, -1.5708])
    """
    one_of("convention", convention, tuple(RANGES))
    check_dense(boxes=boxes)
    check_boxes("boxes", boxes, numbers=5)
    check_floating("boxes", boxes)
    least, period = RANGES[convention]
    cx, cy, w, h, angle = wide(boxes).unbind(-1)
    share = period / math.pi  # 1 or 1/2, so that multiples of it in two parts are as exact as those of pi
    if period == math.pi:
        swapped = h > w
        angle = torch.where(swapped, angle + math.pi / 2, angle)
    low, high = boxes.new_tensor(least), boxes.new_tensor(least + period)  # as numbers of the type
    first, last = low.to(angle), high.to(angle)
    inside = (angle > first) & (angle <= last) if convention == "oc" else (angle >= first) & (angle < last)
    turns = torch.where(inside, 0.0, torch.floor((angle - least) / period))
    angle = (angle - turns * (share * PI[0])) - turns * (share * PI[1])
    if period != math.pi:
        swapped = turns.remainder(2) == 1
    angle = angle.to(boxes)
    if convention == "oc":
        over = angle <= low
        angle = torch.where(over, high, angle)
    else:
        over = angle >= high
        angle = torch.where(over, low, angle)
    angle = angle.clamp(low, high)
    if period != math.pi:
        swapped = swapped ^ over.to(swapped.device)
    w, h = torch.where(swapped, h, w), torch.where(swapped, w, h)
    return torch.cat([torch.stack([cx, cy, w, h], dim=-1).to(boxes), angle[..., None]], dim=-1)

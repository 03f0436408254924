"""Overlaps of boxes turned about their centres, (cx, cy, w, h, angle): docs/SPEC.md, section 2.

In float64 whatever the boxes are, one rounding for each written operation; the order of operations is part of the
contract, because results are compared bit for bit.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .overlap import finite_or_zero, share
from .rotated_box import UNIT, Turned, area_slopes, ordered, relative, turned, wide
from .rotated_enclosing import ENCLOSING, distance_parts, distance_slopes, hull_area, hull_slopes
from .rotated_gaussian import kfiou, kfiou_slopes, probiou, probiou_slopes

Slopes = tuple[Tensor, Tensor]


def magnitude(x: Tensor) -> Tensor:
    return torch.where(x < 0, -x, x)


def least(a: Tensor, b: Tensor) -> Tensor:
    return torch.where(a < b, a, b)


def clamped(x: Tensor, low: Tensor, high: Tensor) -> Tensor:
    x = torch.where(x < high, x, high)
    return torch.where(x > low, x, low)


def along(x: Tensor, length: Tensor) -> Tensor:
    """x within [0, length]; 0 if NaN."""
    return least(torch.where(x > 0, x, 0.0), length)


def shared_length(reach: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """By how much [-reach, reach] and [low, high] overlap; 0 where those ends are NaN."""
    start, end = torch.where(-reach > low, -reach, low), least(reach, high)
    return torch.where(end > start, end - start, 0.0)


class Turn(NamedTuple):
    """The direction of a box's w in the frame of another, and what divides by it."""

    cos: Tensor
    sin: Tensor
    by_cos: Tensor
    by_sin: Tensor


class InFrame(NamedTuple):
    """A box in the frame of another: axes along that one's sides, the origin in the centre of the box itself."""

    low_x: Tensor  # the other box's sides
    high_x: Tensor
    low_y: Tensor
    high_y: Tensor
    x0: Tensor  # two corners; the others are opposite
    y0: Tensor
    x1: Tensor
    y1: Tensor
    w: Tensor  # the box's sides
    h: Tensor
    turn: Turn
    most: Tensor  # what the area shared cannot exceed

    def edges(self) -> list[tuple[Tensor, Turn, int, int]]:
        """Length, direction, first and last corner of each, in the order in which the box's angle turns."""
        cos, sin, by_cos, by_sin = self.turn
        return [
            (self.w, Turn(-cos, -sin, -by_cos, -by_sin), 0, 1),
            (self.h, Turn(sin, -cos, by_sin, -by_cos), 1, 2),
            (self.w, self.turn, 2, 3),
            (self.h, Turn(-sin, cos, -by_sin, by_cos), 3, 0),
        ]

    def corners(self) -> list[tuple[Tensor, Tensor]]:
        return [(self.x0, self.y0), (self.x1, self.y1), (-self.x0, -self.y0), (-self.x1, -self.y1)]


def in_frame(box: Turned, frame: Turned) -> InFrame:
    c, s, dx, dy, x, y = relative(box, frame)
    u, v = dx * box.cos + dy * box.sin, dy * box.cos - dx * box.sin
    w, h, frame_w, frame_h = 0.5 * box.w, 0.5 * box.h, 0.5 * frame.w, 0.5 * frame.h
    along_x, across_x, along_y, across_y = c * w, s * h, c * h, s * w
    low_x, high_x, low_y, high_y = -frame_w - x, frame_w - x, -frame_h - y, frame_h - y

    c_size, s_size = magnitude(c), magnitude(s)
    reach_u, reach_v = c_size * frame_w + s_size * frame_h, s_size * frame_w + c_size * frame_h
    here = shared_length(c_size * w + s_size * h, low_x, high_x) * shared_length(c_size * h + s_size * w, low_y, high_y)
    there = shared_length(w, -reach_u - u, reach_u - u) * shared_length(h, -reach_v - v, reach_v - v)
    most = least(least(box.area, frame.area), least(here, there))
    corners = along_x - across_x, across_y + along_y, -along_x - across_x, along_y - across_y
    return InFrame(low_x, high_x, low_y, high_y, *corners, box.w, box.h, Turn(c, s, 1 / c, 1 / s), most)


def under_edge(
    f: InFrame, length: Tensor, edge: Turn, start: tuple[Tensor, Tensor], end: tuple[Tensor, Tensor]
) -> Tensor:
    """The integral of y, clamped to the frame's box, over an edge's part within that box's x."""
    (x0, y0), (x1, y1) = start, end
    u0, u1 = clamped(x0, f.low_x, f.high_x), clamped(x1, f.low_x, f.high_x)
    before, after = along((u0 - x0) * edge.by_cos, length), along((x1 - u1) * edge.by_cos, length)
    v0, v1, within = y0 + edge.sin * before, y1 - edge.sin * after, length - before - after
    first, last = clamped(v0, f.low_y, f.high_y), clamped(v1, f.low_y, f.high_y)
    halfway = along((0.5 * (first + last) - v0) * edge.by_sin, within)
    return (u1 - u0) * last + edge.cos * (first - last) * halfway


def is_within(f: InFrame) -> Tensor:
    """Whether the frame's box holds all corners: those opposite to each other are as far from the origin."""
    x, y = torch.maximum(f.x0.abs(), f.x1.abs()), torch.maximum(f.y0.abs(), f.y1.abs())
    return (x <= least(f.high_x, -f.low_x)) & (y <= least(f.high_y, -f.low_y))


def intersection(a: Turned, b: Turned) -> Tensor:
    """The area that two boxes share, by Green's theorem; NaN where a box's area is not finite.

    A box within the other shares its own area, to the bit.
    """
    f = in_frame(*ordered(a, b))
    corners = f.corners()
    top, left, bottom, right = (
        under_edge(f, length, edge, corners[start], corners[end]) for length, edge, start, end in f.edges()
    )
    total = (top + bottom) + (left + right)
    shared = torch.where(is_within(f) & (f.most > 0), f.w * f.h, least(-total, f.most))
    return torch.where(shared > 0, shared, 0.0) + ((a.area - a.area) + (b.area - b.area))


def iou(a: Turned, b: Turned) -> Tensor:
    inter = intersection(a, b)
    return share(inter, a.area + b.area - inter)


def iof(a: Turned, b: Turned) -> Tensor:
    """The share of the candidate a that b covers."""
    return share(intersection(a, b), a.area)


def ios(a: Turned, b: Turned) -> Tensor:
    """The share of the smaller box that the other covers."""
    return share(intersection(a, b), torch.minimum(a.area, b.area))


def giou(a: Turned, b: Turned) -> Tensor:
    """IoU less the share of the convex hull that neither covers."""
    inter = intersection(a, b)
    joint = a.area + b.area - inter
    around = hull_area(a, b)
    around = torch.where(around > joint, around, joint)
    return share(inter, joint) - finite_or_zero(share(around - joint, around))


def turned_distance_share(a: Turned, b: Turned) -> Tensor:
    """The squared distance of the centres over the squared diameter of the convex hull."""
    return finite_or_zero(share(*distance_parts(a, b)))


def diou(a: Turned, b: Turned) -> Tensor:
    """IoU less the share of the distance of the centres."""
    return iou(a, b) - turned_distance_share(a, b)


def enclosed_area(a: Turned, b: Turned, inter: Tensor) -> Tensor:
    """Of the hull, which rounding may have left below the union; NaN where that is not finite."""
    joint, around = a.area + b.area - inter, hull_area(a, b)
    return torch.where(around < joint, joint, around) + (joint - joint)


def tiou(a: Turned, b: Turned) -> Tensor:
    """The smaller area over that of the convex hull."""
    return share(torch.minimum(a.area, b.area), enclosed_area(a, b, intersection(a, b)))


ROTATED_METRICS: dict[str, Callable[[Turned, Turned], Tensor]] = {
    "iou": iou,
    "giou": giou,
    "diou": diou,
    "iof": iof,
    "ios": ios,
    "tiou": tiou,
    "probiou": probiou,
}
# kfiou does not see where boxes are, and no suppression is by it.
ROTATED_OVERLAPS = {**ROTATED_METRICS, "kfiou": kfiou}


def raw_rotated_overlap(a: Tensor, b: Tensor, metric: str = "iou") -> Tensor:
    """What a decision looks at, in float64: NaN where the arithmetic gave that. a and b broadcast."""
    if metric not in ROTATED_OVERLAPS:
        raise ValueError(f"metric: expected one of {', '.join(ROTATED_OVERLAPS)}, got {metric!r}")
    return ROTATED_OVERLAPS[metric](turned(wide(a)), turned(wide(b)))


def rotated_overlap(boxes1: Tensor, boxes2: Tensor, kind: str = "iou") -> Tensor:
    """Box by box: float64 if a set is, else rounded to float32 once; 0 where it is not finite."""
    dtype = torch.float64 if torch.float64 in (boxes1.dtype, boxes2.dtype) else torch.float32
    return finite_or_zero(raw_rotated_overlap(boxes1, boxes2, kind)).to(device=boxes1.device, dtype=dtype)


def rotated_pairwise_overlap(boxes1: Tensor, boxes2: Tensor, kind: str = "iou") -> Tensor:
    """Of each box of one set with each of another: (*batch, N, 5) and (*batch, M, 5) to (*batch, N, M)."""
    return rotated_overlap(boxes1[..., :, None, :], boxes2[..., None, :, :], kind)


# Of the four edges of a box, in the order in which its angle turns: along which of its axes the outward normal points,
# and whether forwards.
NORMALS = ((1, 1.0), (0, -1.0), (1, -1.0), (0, 1.0))


def part_within(
    start: Tensor, end: Tensor, by: Tensor, length: Tensor, low: Tensor, high: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Between which places along an edge one of its coordinates is in [low, high], and whether it runs along an end."""
    flat = start == end
    by = torch.where(flat, 1.0, by)
    first, last = (low - start) * by, (high - start) * by
    outside = flat & ((start < low) | (start > high))
    enter = torch.where(flat, 0.0, along(torch.minimum(first, last), length))
    leave = torch.where(flat, torch.where(outside, 0.0, length), along(torch.maximum(first, last), length))
    return enter, leave, flat & ((start == low) | (start == high))


def intersection_slopes(box: Turned, frame: Turned) -> Tensor:
    """The derivatives of the area shared by the numbers of `box`: each of its edges sweeps area as long as it is within
    `frame`; half of it where the edge lies on one of that box.
    """
    f = in_frame(box, frame)
    corners = f.corners()
    axes = ((box.cos, box.sin), (-box.sin, box.cos))
    sides = [torch.zeros_like(f.x0), torch.zeros_like(f.x0)]  # what is swept per length along each axis, in all
    pushed = [torch.zeros_like(f.x0), torch.zeros_like(f.x0)]  # the same, backwards counted as less
    twist = torch.zeros_like(f.x0)
    for (axis, sign), (length, edge, start, end) in zip(NORMALS, f.edges(), strict=True):
        (x0, y0), (x1, y1) = corners[start], corners[end]
        enter_x, leave_x, on_x = part_within(x0, x1, edge.by_cos, length, f.low_x, f.high_x)
        enter_y, leave_y, on_y = part_within(y0, y1, edge.by_sin, length, f.low_y, f.high_y)
        enter, leave = torch.maximum(enter_x, enter_y), torch.minimum(leave_x, leave_y)
        weight = torch.where(leave > enter, torch.where(on_x | on_y, 0.5, 1.0), 0.0)
        within = weight * (leave - enter)
        sides[axis] = sides[axis] + within
        pushed[axis] = pushed[axis] + sign * within
        twist = twist - 0.5 * within * ((leave + enter) - length)
    by_centre = (pushed[0] * axes[0][i] + pushed[1] * axes[1][i] for i in range(2))
    return torch.stack([*by_centre, 0.5 * sides[0], 0.5 * sides[1], twist], dim=-1)


class SharedArea(torch.autograd.Function):
    """`intersection` with its derivatives, which are those of the area, not of the formula that computes it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(a: Tensor, b: Tensor) -> Tensor:
        return intersection(turned(a), turned(b))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        a, b = map(turned, ctx.saved_tensors)
        return gradient[..., None] * intersection_slopes(a, b), gradient[..., None] * intersection_slopes(b, a)


def rotated_slopes(boxes1: Tensor, boxes2: Tensor, kind: str = "iou") -> tuple[Tensor, Tensor]:
    """The derivatives of `rotated_overlap` by the numbers of both, in float64: 0 where it is 0 or not finite.

    Composed of differentiable operations: their own derivatives are the second ones.
    """
    both = torch.broadcast_tensors(wide(boxes1), wide(boxes2))
    if kind in GAUSSIAN_SLOPES:
        return gaussian_slopes(both[0], both[1], kind)
    a, b = map(turned, both)
    inter: Tensor = SharedArea.apply(*both)
    by_a, by_b = intersection_slopes(a, b), intersection_slopes(b, a)
    if kind == "giou":
        return less(quotient_slopes(a, b, inter, by_a, by_b, "iou"), hull_penalty(a, b, inter, by_a, by_b))
    if kind == "diou":
        penalty = distance_slopes(a, b), distance_slopes(b, a)
        return less(quotient_slopes(a, b, inter, by_a, by_b, "iou"), penalty)
    if kind == "tiou":
        return tiou_slopes(a, b, enclosed_area(a, b, inter))
    return quotient_slopes(a, b, inter, by_a, by_b, kind)


def less(slopes: Slopes, penalty: Slopes) -> Slopes:
    return slopes[0] - penalty[0], slopes[1] - penalty[1]


def quotient_slopes(a: Turned, b: Turned, inter: Tensor, by_a: Tensor, by_b: Tensor, kind: str) -> Slopes:
    """Of iou, iof and ios, from those of the area shared."""
    whole = {"iou": a.area + b.area - inter, "iof": a.area, "ios": torch.minimum(a.area, b.area)}[kind]
    sound = (inter > 0) & torch.isfinite(whole)
    if kind == "iof":
        whole_by_a, whole_by_b = area_slopes(a), torch.zeros_like(by_b)
    elif kind == "ios":
        whole_by_a, whole_by_b = smaller_slopes(a, b)
    else:
        whole_by_a, whole_by_b = area_slopes(a) - by_a, area_slopes(b) - by_b
    whole = torch.where(sound, whole, 1.0)
    value = (torch.where(sound, inter, 0.0) / whole)[..., None]
    slopes = ((by - value * whole_by) / whole[..., None] for by, whole_by in ((by_a, whole_by_a), (by_b, whole_by_b)))
    first, second = (torch.where(sound[..., None], each, 0.0) for each in slopes)
    return first, second


def smaller_slopes(a: Turned, b: Turned) -> Slopes:
    """Of the smaller area; half of each at a tie."""
    smaller = torch.where(a.area == b.area, 0.5, (a.area < b.area).to(a.area))[..., None]
    return smaller * area_slopes(a), (1 - smaller) * area_slopes(b)


def tiou_slopes(a: Turned, b: Turned, around: Tensor) -> Slopes:
    smaller = torch.minimum(a.area, b.area)
    sound = (smaller > 0) & torch.isfinite(around)
    around = torch.where(sound, around, 1.0)[..., None]
    value = torch.where(sound, smaller, 0.0)[..., None] / around
    of_a, of_b = smaller_slopes(a, b)
    slopes = (of_a - value * hull_slopes(a, b)) / around, (of_b - value * hull_slopes(b, a)) / around
    return torch.where(sound[..., None], slopes[0], 0.0), torch.where(sound[..., None], slopes[1], 0.0)


def hull_penalty(a: Turned, b: Turned, inter: Tensor, by_a: Tensor, by_b: Tensor) -> Slopes:
    """Of the share of the hull that neither covers: 0 where there is none."""
    joint, around = a.area + b.area - inter, hull_area(a, b)
    sound = (around > joint) & torch.isfinite(around)
    around = torch.where(sound, around, 1.0)
    covered = (torch.where(sound, joint, 0.0) / around)[..., None]
    meets = (inter > 0)[..., None]

    def of(own: Turned, other: Turned, by: Tensor) -> Tensor:
        joint_by = area_slopes(own) - torch.where(meets, by, 0.0)
        slopes = (covered * hull_slopes(own, other) - joint_by) / around[..., None]
        return torch.where(sound[..., None], slopes, 0.0)

    return of(a, b, by_a), of(b, a, by_b)


GAUSSIAN_SLOPES = {"probiou": probiou_slopes, "kfiou": kfiou_slopes}


def gaussian_slopes(boxes1: Tensor, boxes2: Tensor, kind: str) -> Slopes:
    """Of the pairs of which no box is empty."""
    sound = ((turned(boxes1).area > 0) & (turned(boxes2).area > 0))[..., None]
    a, b = (turned(torch.where(sound, boxes, boxes.new_tensor(UNIT))) for boxes in (boxes1, boxes2))
    of = GAUSSIAN_SLOPES[kind]
    return torch.where(sound, of(a, b), 0.0), torch.where(sound, of(b, a), 0.0)


def rotated_overlap_backward(
    grad: Tensor, boxes1: Tensor, boxes2: Tensor, kind: str = "iou", wanted1: bool = True, wanted2: bool = True
) -> tuple[Tensor, Tensor]:
    """grad times the slopes, within the range of its type; (0,) in place of those that are not wanted."""
    limit = torch.finfo(grad.dtype).max
    of = rotated_slopes(boxes1.detach(), boxes2.detach(), kind)
    slopes = (wide(grad.detach())[..., None] * each for each in of)
    by1, by2 = (torch.nan_to_num(each).clamp(-limit, limit).to(grad) for each in slopes)
    none = grad.new_empty(0)
    return by1 if wanted1 else none, by2 if wanted2 else none


def quotient(part: Tensor, whole: Tensor) -> Tensor:
    """part / whole; 0, without a slope, where the whole is 0."""
    sound = whole > 0
    return torch.where(sound, part / torch.where(sound, whole, 1.0), 0.0)


def enclosed_overlap(boxes1: Tensor, boxes2: Tensor, kind: str, enclosing: str) -> Tensor:
    """giou, diou or tiou of boxes (..., 5) that broadcast, by a rectangle around both, aligned or smallest, in float64.

    Composed of differentiable operations. 0 for a pair of which an area is not finite.
    """
    boxes1, boxes2 = torch.broadcast_tensors(wide(boxes1), wide(boxes2))
    sound = torch.isfinite(turned(boxes1.detach()).area) & torch.isfinite(turned(boxes2.detach()).area)
    pair = [torch.where(sound[..., None], boxes, boxes.new_tensor(UNIT)) for boxes in (boxes1, boxes2)]
    a, b = map(turned, pair)
    inter: Tensor = SharedArea.apply(*pair)
    joint = a.area + b.area - inter
    area, diagonal = ENCLOSING[enclosing](a, b)
    dx, dy = b.cx - a.cx, b.cy - a.cy
    if kind == "tiou":
        around = torch.where(area < joint, joint, area)  # as of the hull
        return torch.where(sound, quotient(torch.minimum(a.area, b.area), around), 0.0)
    penalty = quotient(torch.relu(area - joint), area) if kind == "giou" else quotient(dx * dx + dy * dy, diagonal)
    return torch.where(sound, quotient(inter, joint) - penalty, 0.0)

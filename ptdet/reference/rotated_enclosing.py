"""What encloses two rotated boxes: the area of their convex hull, and its squared diameter: docs/SPEC.md, section 2."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from .rotated_box import Turned, ordered, relative


class Faced(NamedTuple):
    """A box as another, the frame, sees it: that one's sides are the axes, its centre is the origin.

    The box's sides are named so that the outward normal of its first lies between the frame's first and second, at 0
    and 90 degrees: then the normals of all edges alternate, one of the frame and one of the box.
    """

    w: Tensor  # half the sides of the frame
    h: Tensor
    x: Tensor  # the centre of the box
    y: Tensor
    cos: Tensor  # of the first normal, neither below 0
    sin: Tensor
    first: Tensor  # half the sides along the first and the second normal
    second: Tensor
    before: tuple[Tensor, Tensor]  # the corners before and after the first edge; the two after those are opposite
    after: tuple[Tensor, Tensor]

    def corners(self) -> tuple[tuple[Tensor, Tensor], ...]:
        (bx, by), (ax, ay) = self.before, self.after
        return (
            (self.x + bx, self.y + by),
            (self.x + ax, self.y + ay),
            (self.x - bx, self.y - by),
            (self.x - ax, self.y - ay),
        )

    def along(self) -> tuple[Tensor, Tensor]:
        """The centre of the box along its normals."""
        return self.x * self.cos + self.y * self.sin, self.y * self.cos - self.x * self.sin


def half_side(side: Tensor) -> Tensor:
    return torch.where(side > 0, 0.5 * side, 0.0)


def faced(frame: Turned, box: Turned) -> Faced:
    at = relative(box, frame)
    swapped = at.cos * at.sin < 0
    along, across, w, h = at.cos.abs(), at.sin.abs(), half_side(box.w), half_side(box.h)
    c, s = torch.where(swapped, across, along), torch.where(swapped, along, across)
    first, second = torch.where(swapped, h, w), torch.where(swapped, w, h)
    before, after = (
        (c * first + s * second, s * first - c * second),
        (c * first - s * second, s * first + c * second),
    )
    return Faced(half_side(frame.w), half_side(frame.h), at.x, at.y, c, s, first, second, before, after)


def leads(by: Tensor) -> Tensor:
    """1 where the frame reaches farther in a direction, 0 where the box does; half each at a tie."""
    return torch.where(by > 0, 1.0, torch.where(by < 0, 0.0, 0.5)).to(by)


class HullParts(NamedTuple):
    """Which of the two makes the hull, between one normal and the next.

    A corner of the frame stays the farthest from one normal of the frame to the next, and so does one of the box. So
    the hull runs along an edge of the one that leads at its normal, and changes from a corner to another where the
    lead changes.
    """

    lead: list[Tensor]  # of the frame, at its own normals
    rest: list[Tensor]  # of the box, at its own normals
    x: list[Tensor]  # for each corner of the frame, the box's corners that the hull comes from, less those it goes to
    y: list[Tensor]


def hull_parts(f: Faced) -> HullParts:
    along, across = f.along()
    reach = f.cos * f.w + f.sin * f.h, f.sin * f.w + f.cos * f.h
    own = [
        leads(f.w - (f.before[0] + f.x)),
        leads(f.h - (f.after[1] + f.y)),
        leads(f.w - (f.before[0] - f.x)),
        leads(f.h - (f.after[1] - f.y)),
    ]
    other = [
        leads(reach[0] - (f.first + along)),
        leads(reach[1] - (f.second + across)),
        leads(reach[0] - (f.first - along)),
        leads(reach[1] - (f.second - across)),
    ]
    corners = f.corners()
    x, y = (
        [
            (own[k] - other[k]) * corners[k][i] + (other[k] - own[(k + 1) % 4]) * corners[(k + 1) % 4][i]
            for k in range(4)
        ]
        for i in range(2)
    )
    return HullParts(own, [1 - each for each in other], x, y)


def hull_area(a: Turned, b: Turned) -> Tensor:
    """Half the sum of the cross products of neighbours: of the frame's edges, of the box's, of those between."""
    box, frame = ordered(a, b)
    f = faced(frame, box)
    lead, rest, x, y = hull_parts(f)
    along, across = f.along()
    own = f.w * f.h * ((lead[0] + lead[1]) + (lead[2] + lead[3]))
    others = f.second * (rest[0] * (f.first + along) + rest[2] * (f.first - along)) + f.first * (
        rest[1] * (f.second + across) + rest[3] * (f.second - across)
    )
    between = f.w * ((y[0] - y[1]) + (y[3] - y[2])) + f.h * ((x[2] - x[0]) + (x[3] - x[1]))
    return own + others + 0.5 * between


def in_picture(frame: Turned, x: Tensor, y: Tensor, w: Tensor, h: Tensor, angle: Tensor) -> Tensor:
    """Slopes by the frame's numbers along its own axes, as slopes of the box's."""
    by_w, by_h = torch.where(frame.w > 0, w, 0.0), torch.where(frame.h > 0, h, 0.0)
    return torch.stack([x * frame.cos - y * frame.sin, x * frame.sin + y * frame.cos, by_w, by_h, angle], dim=-1)


def hull_slopes(frame: Turned, box: Turned) -> Tensor:
    """Of the hull's area by the numbers of `frame`: its corners on the hull sweep it, half of them at a tie."""
    f = faced(frame, box)
    lead, _, px, py = hull_parts(f)
    in_all = (lead[0] + lead[1]) + (lead[2] + lead[3])
    x = 0.5 * ((py[0] + py[1]) + (py[2] + py[3])) + f.h * (lead[0] - lead[2])
    y = f.w * (lead[1] - lead[3]) - 0.5 * ((px[0] + px[1]) + (px[2] + px[3]))
    w = f.h * in_all + 0.5 * ((py[0] - py[1]) + (py[3] - py[2]))
    h = f.w * in_all + 0.5 * ((px[2] - px[0]) + (px[3] - px[1]))
    angle = 0.5 * (f.w * ((px[1] - px[0]) + (px[2] - px[3])) + f.h * ((py[2] - py[0]) + (py[3] - py[1])))
    return in_picture(frame, x, y, 0.5 * w, 0.5 * h, angle)


def farthest(f: Faced, x: Tensor, y: Tensor) -> Tensor:
    """The squared distance from the frame's corner that is farthest."""
    across, down = x.abs() + f.w, y.abs() + f.h
    return across * across + down * down


def squared_diameter(f: Faced) -> Tensor:
    """The greatest distance of two corners of either, squared."""
    own = 4 * torch.maximum(f.w * f.w + f.h * f.h, f.first * f.first + f.second * f.second)
    before, after, *opposite = (farthest(f, *corner) for corner in f.corners())
    return torch.maximum(own, torch.maximum(torch.maximum(before, opposite[0]), torch.maximum(after, opposite[1])))


def distance_parts(a: Turned, b: Turned) -> tuple[Tensor, Tensor]:
    """The squared distance of the centres, and what it is divided by: the squared diameter of the hull."""
    box, frame = ordered(a, b)
    f = faced(frame, box)
    distance = f.x * f.x + f.y * f.y
    return distance, torch.maximum(squared_diameter(f), distance)


def distance_slopes(frame: Turned, box: Turned) -> Tensor:
    """Of that quotient by the numbers of `frame`: equal parts for the distances that tie."""
    f = faced(frame, box)
    most = squared_diameter(f)
    none = torch.zeros_like(most)
    ties = x = y = w = h = angle = none
    for px, py in f.corners():
        across, down = px.abs() + f.w, py.abs() + f.h
        part = (across * across + down * down == most).to(most)
        right, below = px.sign() * across, py.sign() * down
        ties = ties + part
        x, y, w, h = x - 2 * part * right, y - 2 * part * below, w + 2 * part * across, h + 2 * part * down
        angle = angle + 2 * part * (right * py - below * px)
    ties = ties + (4 * (f.first * f.first + f.second * f.second) == most).to(most)
    own = (4 * (f.w * f.w + f.h * f.h) == most).to(most)
    ties = ties + own
    sound = (most > 0) & torch.isfinite(most)
    whole = torch.where(sound, most, 1.0)
    each = -(f.x * f.x + f.y * f.y) / whole / torch.where(ties > 0, ties, 1.0)
    slopes = in_picture(
        frame,
        each * x - 2 * f.x,
        each * y - 2 * f.y,
        0.5 * each * (w + 8 * own * f.w),
        0.5 * each * (h + 8 * own * f.h),
        each * angle,
    )
    return torch.where(sound[..., None], slopes / whole[..., None], 0.0)


def sides_along(f: Faced, x: Tensor, y: Tensor) -> Tensor:
    """How far both boxes extend, together, in a direction of length 1."""
    centre = f.x * x + f.y * y
    own = x.abs() * f.w + y.abs() * f.h
    other = (x * f.cos + y * f.sin).abs() * f.first + (y * f.cos - x * f.sin).abs() * f.second
    return torch.maximum(own, centre + other) - torch.minimum(-own, centre - other)


Sizes = tuple[Tensor, Tensor]  # an area, and a squared diagonal


def aligned(a: Turned, b: Turned) -> Sizes:
    """Of the smallest box around both that is not rotated."""
    box, frame = ordered(a, b)
    f = faced(frame, box)
    w, h = sides_along(f, frame.cos, -frame.sin), sides_along(f, frame.sin, frame.cos)
    return w * h, w * w + h * h


def smallest(a: Turned, b: Turned) -> Sizes:
    """Of the smallest rectangle around both, which has a side along one of the hull's edges.

    The edges are among the sides of both and the ways from corner to corner. Of rectangles of one area, that of the
    smallest diagonal, then the first in this order.
    """
    box, frame = ordered(a, b)
    f = faced(frame, box)
    ways = [(torch.ones_like(f.x), torch.zeros_like(f.x)), (f.cos, f.sin)]
    ways += [(x - i * f.w, y - j * f.h) for x, y in f.corners() for i in (-1, 1) for j in (-1, 1)]
    x, y = (torch.stack([way[k] for way in ways]) for k in range(2))
    squared = x * x + y * y
    present = squared > 0
    length = torch.sqrt(torch.where(present, squared, 1.0))
    x, y = torch.where(present, x / length, 1.0), torch.where(present, y / length, 0.0)
    w, h = sides_along(f, x, y), sides_along(f, -y, x)
    areas, diagonals = w * h, w * w + h * h
    least = areas.detach().amin(0)
    chosen = torch.where(areas.detach() == least, diagonals.detach(), math.inf).argmin(0, keepdim=True)
    return areas.gather(0, chosen)[0], diagonals.gather(0, chosen)[0]


ENCLOSING: dict[str, Callable[[Turned, Turned], Sizes]] = {"aligned": aligned, "smallest": smallest}

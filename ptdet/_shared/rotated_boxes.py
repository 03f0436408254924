"""Rotated boxes (..., 5) cx, cy, w, h, angle as corners, and the way back, for arrays: what `ptdet.rotated` has for
tensors. All in float64."""

from __future__ import annotations

import numpy as np

from .arrays import Array, silent
from .elementary import angle_of, direction

SIGNS = ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0))  # of the corners, along the box's sides


@silent()
def corners_of(boxes: Array) -> Array:
    """(..., 4, 2): the corner that is upper left before the turn, then along the width, then the height."""
    x, y, w, h, angle = np.moveaxis(boxes.astype(np.float64, copy=False), -1, 0)
    c, s = direction(angle)
    corners = [(i * w / 2, j * h / 2) for i, j in SIGNS]
    return np.stack([np.stack([x + (c * u - s * v), y + (s * u + c * v)], -1) for u, v in corners], -2)


def upright(boxes: Array) -> Array:
    """(..., 4): x1, y1, x2, y2 of the smallest upright box around each."""
    corners = corners_of(boxes)
    return np.concatenate([corners.min(-2), corners.max(-2)], -1)


@silent()
def min_area_rect(points: Array) -> Array:
    """The rectangle (..., 5) of smallest area around points (..., P, 2); of equal areas the smallest angle."""
    points = points.astype(np.float64, copy=False)
    origin = points[..., :1, :]
    placed = points - origin
    # a side of the smallest rectangle lies along two points (Freeman and Shapira 1975)
    best = [_smallest(_around(placed, placed - placed[..., k : k + 1, :])) for k in range(placed.shape[-2])]
    found = _smallest(np.stack(best, axis=-2))
    return np.concatenate([found[..., :2] + origin[..., 0, :], found[..., 2:]], -1)


def _around(points: Array, directions: Array) -> Array:
    """The rectangles (..., D, 5) around points (..., P, 2), with sides along directions (..., D, 2)."""
    x, y = np.moveaxis(directions, -1, 0)
    for _ in range(3):  # a side's own or another's, in the first quadrant
        first = (x > 0) & (y >= 0)
        x, y = np.where(first, x, -y), np.where(first, y, x)
    length = np.sqrt(x * x + y * y)
    some = np.where(length == 0, 1.0, length)
    c, s = np.where(length == 0, 1.0, x / some), np.where(length == 0, 0.0, y / some)
    px, py = (each[..., None, :] for each in np.moveaxis(points, -1, 0))
    along, across = c[..., None] * px + s[..., None] * py, c[..., None] * py - s[..., None] * px
    (low_u, high_u), (low_v, high_v) = ((each.min(-1), each.max(-1)) for each in (along, across))
    u, v = (low_u + high_u) / 2, (low_v + high_v) / 2
    return np.stack([c * u - s * v, s * u + c * v, high_u - low_u, high_v - low_v, angle_of(c, s)], -1)


def _smallest(rectangles: Array) -> Array:
    """Of (..., D, 5) that of smallest area; of those within 1e-12 of it that of the smallest angle, then the first."""
    area = rectangles[..., 2] * rectangles[..., 3]
    least = area.min(-1, keepdims=True)
    angle = np.where(area <= least + 1e-12 * least, rectangles[..., 4], np.inf)
    found: Array = np.take_along_axis(rectangles, angle.argmin(-1)[..., None, None], axis=-2)[..., 0, :]
    return found

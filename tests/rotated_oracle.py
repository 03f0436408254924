"""The area that two rotated boxes share by another algorithm: one is clipped by the sides of the other, in 300 bits."""

from __future__ import annotations

from collections.abc import Sequence

import mpmath
from mpmath import mpf

Point = tuple[mpf, mpf]


def corners(box: Sequence[float]) -> list[Point]:
    cx, cy, w, h, angle = map(mpf, box)
    c, s = mpmath.cos(angle), mpmath.sin(angle)
    signs = ((1, 1), (-1, 1), (-1, -1), (1, -1))
    return [(cx + (i * c * w - j * s * h) / 2, cy + (i * s * w + j * c * h) / 2) for i, j in signs]


def clipped(polygon: list[Point], start: Point, end: Point) -> list[Point]:
    """What lies left of the line (Sutherland and Hodgman 1974)."""

    def side(p: Point) -> mpf:
        return (end[0] - start[0]) * (p[1] - start[1]) - (end[1] - start[1]) * (p[0] - start[0])

    found = []
    for k, p in enumerate(polygon):
        before = polygon[k - 1]
        here, there = side(p), side(before)
        if (here >= 0) != (there >= 0):
            t = there / (there - here)
            found.append((before[0] + t * (p[0] - before[0]), before[1] + t * (p[1] - before[1])))
        if here >= 0:
            found.append(p)
    return found


def area(polygon: list[Point]) -> mpf:
    total = mpf(0)
    for k, p in enumerate(polygon):
        q = polygon[k - 1]
        total += q[0] * p[1] - p[0] * q[1]
    return total / 2


def overlap(a: Sequence[float], b: Sequence[float], kind: str = "iou") -> mpf:
    """Of two boxes (cx, cy, w, h, angle), whose numbers are exact as given."""
    with mpmath.workprec(300):
        own, other = mpf(a[2]) * mpf(a[3]), mpf(b[2]) * mpf(b[3])
        if min(a[2], a[3]) <= 0:
            own = mpf(0)
        if min(b[2], b[3]) <= 0:
            other = mpf(0)
        inter, sides = mpf(0), corners(b)
        if own and other:
            polygon = corners(a)
            for k in range(4):
                polygon = clipped(polygon, sides[k], sides[(k + 1) % 4])
            inter = area(polygon)
        whole = {"iou": own + other - inter, "iof": own, "ios": min(own, other)}[kind]
        return inter / whole if whole else mpf(0)

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


def cross(o: Point, a: Point, b: Point) -> mpf:
    return (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0])


def hull(points: list[Point]) -> list[Point]:
    """The convex hull, counter-clockwise (Andrew 1979)."""
    points = sorted(set(points))
    found: list[Point] = []
    for row in (points, points[::-1]):
        start = len(found)
        for p in row:
            while len(found) > start + 1 and cross(found[-2], found[-1], p) <= 0:
                found.pop()
            found.append(p)
        found.pop()
    return found or points


def squared(p: Point, q: Point) -> mpf:
    return (p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2


def extents(points: list[Point], x: mpf, y: mpf) -> tuple[mpf, mpf]:
    """Along a direction and across it."""
    along, across = [p[0] * x + p[1] * y for p in points], [p[1] * x - p[0] * y for p in points]
    return max(along) - min(along), max(across) - min(across)


def enclosing(points: list[Point], how: str) -> tuple[mpf, mpf]:
    """The area and the squared diagonal of what encloses them."""
    around = hull(points)
    if how == "hull":
        return area(around), max(squared(p, q) for p in around for q in around)
    directions = [(mpf(1), mpf(0))]
    if how == "smallest":
        sides = [(p[0] - around[k - 1][0], p[1] - around[k - 1][1]) for k, p in enumerate(around)]
        lengths = [mpmath.sqrt(x * x + y * y) for x, y in sides]
        directions = [(x / r, y / r) for (x, y), r in zip(sides, lengths, strict=True)]
    sizes = [extents(around, x, y) for x, y in directions]
    return min((w * h, w * w + h * h) for w, h in sizes)


def covariance(box: Sequence[float], divisor: int) -> mpmath.matrix:
    _, _, w, h, angle = map(mpf, box)
    turn = mpmath.matrix([[mpmath.cos(angle), -mpmath.sin(angle)], [mpmath.sin(angle), mpmath.cos(angle)]])
    return turn * mpmath.diag([w * w / divisor, h * h / divisor]) * turn.T


def gaussian_overlap(a: Sequence[float], b: Sequence[float], kind: str) -> mpf:
    """ProbIoU and KFIoU by the matrices of their papers."""
    if min(a[2], a[3], b[2], b[3]) <= 0:
        return mpf(0)
    first, second = (covariance(box, 12 if kind == "probiou" else 4) for box in (a, b))
    both = first + second
    if kind == "kfiou":
        fused = first - first * both**-1 * first
        volumes = [4 * mpmath.sqrt(mpmath.det(each)) for each in (first, second, fused)]
        return volumes[2] / (volumes[0] + volumes[1] - volumes[2])
    way = mpmath.matrix([mpf(b[0]) - mpf(a[0]), mpf(b[1]) - mpf(a[1])])
    distance = (way.T * both**-1 * way)[0] / 4 + mpmath.log(
        mpmath.det(both / 2) / mpmath.sqrt(mpmath.det(first) * mpmath.det(second))
    ) / 2
    return 1 - mpmath.sqrt(-mpmath.expm1(-distance))


def overlap(a: Sequence[float], b: Sequence[float], kind: str = "iou", how: str = "hull") -> mpf:
    """Of two boxes (cx, cy, w, h, angle), whose numbers are exact as given."""
    with mpmath.workprec(300):
        if kind in ("probiou", "kfiou"):
            return gaussian_overlap(a, b, kind)
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
        joint = own + other - inter
        whole = {"iof": own, "ios": min(own, other)}.get(kind, joint)
        value = inter / whole if whole else mpf(0)
        if kind in ("giou", "diou", "tiou"):
            points = [p for box in (a, b) for p in corners([*box[:2], max(box[2], 0), max(box[3], 0), box[4]])]
            around, diagonal = enclosing(points, how)
            if kind == "tiou":
                return min(own, other) / around if around else mpf(0)
            centres = [(mpf(box[0]), mpf(box[1])) for box in (a, b)]
            part, whole = (around - joint, around) if kind == "giou" else (squared(*centres), diagonal)
            value -= part / whole if whole else mpf(0)
        return value

"""Rotated boxes of real shapes: every method beside a loop over the oracle; the smallest rectangle, exactly."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice

import pytest
import torch
from torch import Tensor

import ptdet
from ptdet._shared.methods import METHODS

from ..rotated_campaign import Tally
from ..rotated_oracle import hull
from ..rotated_real import candidates, object_points, rectangles, text_quads

Rectangle = tuple[Fraction, int, int]  # area, and the direction of a side in the first quadrant


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize(("pictures", "most"), [(3, 8), pytest.param(12, 15, marks=pytest.mark.slow)])
@pytest.mark.parametrize("source", ["text", "objects"])
def test_every_method_beside_a_loop_over_the_oracle(source: str, pictures: int, most: int) -> None:
    tally = Tally()
    for turn, (name, boxes) in enumerate(islice(rectangles(source), pictures)):
        tally.add(candidates(name, boxes, turn, most))
    assert tally.sets == pictures and not tally.wrong, tally.report()
    for method in METHODS:
        assert tally.undecided[method] <= pictures / 10 and tally.compared[method] >= 3, tally.report()


def rectangles_along_the_hull(points: list[tuple[int, int]]) -> list[Rectangle]:
    """Those that have a side on one of the hull, as one of them is the smallest (Freeman and Shapira 1975)."""
    corners = hull(points)
    found = []
    for k, (x, y) in enumerate(corners):
        dx, dy = x - corners[k - 1][0], y - corners[k - 1][1]
        along, across = [a * dx + b * dy for a, b in corners], [b * dx - a * dy for a, b in corners]
        area = Fraction((max(along) - min(along)) * (max(across) - min(across)), dx * dx + dy * dy)
        while dx <= 0 or dy < 0:
            dx, dy = -dy, dx
        found.append((area, dx, dy))
    return found


def shapes(source: str) -> Iterator[tuple[Tensor, Tensor]]:
    """Points, and the rectangle around them."""
    if source == "text":
        quads = torch.cat([*text_quads().values()])
        return zip(quads, ptdet.rotated.min_area_rect(quads), strict=True)
    polygons = (points for shapes in object_points().values() for points in shapes[::4])
    return ((points, ptdet.rotated.min_area_rect(points)) for points in polygons)


@pytest.mark.parametrize("source", ["text", "objects"])
def test_the_smallest_rectangle_is_that_of_whole_numbers(source: str) -> None:
    """The area exactly, as a fraction; of equal areas the smallest angle."""
    equal, checked = 0, 0
    for points, found in shapes(source):
        around = rectangles_along_the_hull([(int(x), int(y)) for x, y in points.tolist()])
        least = min(area for area, *_ in around)
        near = [(dx, dy) for area, dx, dy in around if area <= least * (1 + Fraction(1, 10**9))]
        ties = [(dx, dy) for area, dx, dy in around if area == least]
        _, _, w, h, angle = found.tolist()
        assert w * h == pytest.approx(float(least), rel=1e-12)
        if len(near) == len(ties):  # else rounding may choose between areas that are not equal
            dx, dy = min(ties, key=lambda each: Fraction(each[1], each[0]))
            assert angle == pytest.approx(math.atan2(dy, dx), abs=1e-12)
            equal += len(set(ties)) > 1
            checked += 1
        # it holds them all
        c, s = math.cos(angle), math.sin(angle)
        away = points - found[:2]
        along, across = away[:, 0] * c + away[:, 1] * s, away[:, 1] * c - away[:, 0] * s
        room = 1e-9 * (1 + w + h)
        assert float(along.abs().max()) <= w / 2 + room and float(across.abs().max()) <= h / 2 + room
    assert checked > 100 and (equal > 100 or source == "objects")

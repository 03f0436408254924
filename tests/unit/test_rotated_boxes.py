"""Formats, the smallest rectangle and the ranges of angles of rotated boxes."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import ptdet

from ..rotated_scenes import Drawn

FORMATS = ("cxcywhr", "xywhr", "xyxyxyxy", "xyxy")


def test_formats_by_hand() -> None:
    box = torch.tensor([5.0, 6, 4, 2, math.pi / 2], dtype=torch.float64)  # 4 along y, 2 along -x
    expected = {
        "xywhr": [6, 4, 4, 2, math.pi / 2],
        "xyxyxyxy": [6, 4, 6, 8, 4, 8, 4, 4],
        "xyxy": [4, 4, 6, 8],
        "cxcywhr": box.tolist(),
    }
    for fmt, numbers in expected.items():
        assert ptdet.rotated.box_convert(box, "cxcywhr", fmt).tolist() == pytest.approx(numbers, abs=1e-14)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_formats_go_back(dtype: torch.dtype) -> None:
    boxes = Drawn(200, 1).boxes().to(dtype)
    for fmt in FORMATS[:3]:
        there = ptdet.rotated.box_convert(boxes, "cxcywhr", fmt)
        back = ptdet.rotated.box_convert(there, fmt, "cxcywhr")
        assert back.dtype == dtype
        assert ptdet.rotated.overlap(boxes, back).min() > 1 - (1e-12 if dtype == torch.float64 else 1e-4)
    corners = ptdet.rotated.box_convert(boxes, "cxcywhr", "xyxyxyxy").unflatten(-1, (4, 2))
    around = ptdet.rotated.box_convert(boxes, "cxcywhr", "xyxy")
    assert torch.equal(around, torch.cat([corners.amin(-2), corners.amax(-2)], dim=-1))
    upright = ptdet.rotated.box_convert(around, "xyxy", "cxcywhr")
    torch.testing.assert_close(upright[:, :4], ptdet.box_convert(around, "xyxy", "cxcywh"))
    assert bool((upright[:, 4] == 0).all())


def test_a_flat_rectangle_keeps_its_direction() -> None:
    for w, h in ((4.0, 0.0), (0.0, 4.0), (0.0, 0.0)):
        box = torch.tensor([5.0, 6, w, h, 0.4], dtype=torch.float64)
        corners = ptdet.rotated.box_convert(box, "cxcywhr", "xyxyxyxy")
        back = ptdet.rotated.box_convert(corners, "xyxyxyxy", "cxcywhr")
        assert back[:4].tolist() == pytest.approx(box[:4].tolist(), abs=1e-14)
        assert back[4].item() == pytest.approx(0.4 if w + h else 0.0, abs=1e-14)


def area_at(points: Tensor, angle: float) -> float:
    """Of the rectangle around points that is turned so."""
    c, s = math.cos(angle), math.sin(angle)
    u, v = points[:, 0] * c + points[:, 1] * s, points[:, 1] * c - points[:, 0] * s
    return float((u.max() - u.min()) * (v.max() - v.min()))


def test_the_smallest_rectangle() -> None:
    random = torch.Generator().manual_seed(4)
    for count in (1, 2, 3, 4, 9):
        points = torch.randn(5, count, 2, generator=random, dtype=torch.float64)
        found = ptdet.rotated.min_area_rect(points)
        assert found.shape == (5, 5) and bool(((found[:, 4] >= 0) & (found[:, 4] < math.pi / 2)).all())
        for own, rect in zip(points, found, strict=True):
            area = float(rect[2] * rect[3])
            assert area == pytest.approx(area_at(own, float(rect[4])), abs=1e-12)
            assert all(area <= area_at(own, k * math.pi / 360) + 1e-12 for k in range(180))
            covering = ptdet.rotated.box_convert(rect, "cxcywhr", "xyxyxyxy").view(4, 2)
            assert area_at(torch.cat([covering, own]), float(rect[4])) == pytest.approx(area, abs=1e-12)


def test_the_smallest_rectangle_of_a_rectangle_is_itself() -> None:
    boxes = Drawn(100, 2).boxes()
    quads = ptdet.rotated.box_convert(boxes, "cxcywhr", "xyxyxyxy").unflatten(-1, (4, 2))
    assert ptdet.rotated.overlap(ptdet.rotated.min_area_rect(quads), boxes).min() > 1 - 1e-12
    # an equilateral triangle has three of one area: at 0, 60 and 120 degrees, that is 0, 60 and 30
    triangle = torch.tensor([[0.0, 0], [2, 0], [1, math.sqrt(3)]], dtype=torch.float64)
    assert ptdet.rotated.min_area_rect(triangle)[4].item() == 0
    with pytest.raises(ValueError, match=r"points: expected shape \(..., P, 2\) with P > 0, got \(0, 2\)"):
        ptdet.rotated.min_area_rect(torch.zeros(0, 2))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("convention", ["le90", "le135", "oc", "ultralytics"])
def test_ranges_of_angles(convention: str, dtype: torch.dtype) -> None:
    drawn = Drawn(300, 3)
    boxes = drawn.boxes()
    boxes[:100, 4] = torch.arange(-50, 50) * (math.pi / 4)
    boxes[100:110, 2] = boxes[100:110, 3]
    boxes[200:, 4] *= 50
    boxes = boxes.to(dtype)
    found = ptdet.rotated.normalize_angle(boxes, convention)
    assert found.dtype == dtype
    least = {"le90": -math.pi / 2, "le135": -math.pi / 4}.get(convention, 0.0)
    most = least + (math.pi if convention.startswith("le") else math.pi / 2)
    low, high = (torch.tensor(end, dtype=dtype) for end in (least, most))
    angle = found[:, 4]
    if convention == "oc":
        assert bool(((angle > low) & (angle <= high)).all())
    else:
        assert bool(((angle >= low) & (angle < high)).all())
    if convention.startswith("le"):
        assert bool((found[:, 2] >= found[:, 3]).all())
    near = 1 - (1e-12 if dtype == torch.float64 else 1e-3)
    assert ptdet.rotated.overlap(found, boxes).min() > near
    again = ptdet.rotated.normalize_angle(found, convention)
    assert torch.equal(again, found)


def test_bad_arguments() -> None:
    boxes = torch.zeros(2, 5)
    with pytest.raises(ValueError, match="in_fmt: expected one of cxcywhr, xywhr, xyxyxyxy, xyxy, got 'xywh'"):
        ptdet.rotated.box_convert(boxes, "xywh", "xyxy")
    with pytest.raises(ValueError, match=r"boxes: expected shape \(..., 8\), got \(2, 5\)"):
        ptdet.rotated.box_convert(boxes, "xyxyxyxy", "xyxy")
    with pytest.raises(TypeError, match="boxes: expected float64"):
        ptdet.rotated.box_convert(boxes.long(), "cxcywhr", "xyxy")
    with pytest.raises(ValueError, match="convention: expected one of le90, le135, oc, ultralytics, got 'le45'"):
        ptdet.rotated.normalize_angle(boxes, "le45")

"""A box turned about its centre, (cx, cy, w, h, angle), and one box as another sees it: docs/SPEC.md, section 2.

In float64 whatever the boxes are, one rounding for each written operation; the order of operations is part of the
contract, because results are compared bit for bit.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from .elementary import cosine, sine


class Turned(NamedTuple):
    """The numbers of boxes, with what is computed once a box."""

    cx: Tensor
    cy: Tensor
    w: Tensor
    h: Tensor
    angle: Tensor
    cos: Tensor
    sin: Tensor
    area: Tensor  # 0 where a side is not above 0, NaN where one of the five numbers is not finite


UNIT = (0.0, 0.0, 1.0, 1.0, 0.0)  # what stands in for a box that has no slopes


def turned(boxes: Tensor) -> Turned:
    cx, cy, w, h, angle = boxes.unbind(-1)
    sound = (cx - cx) + (cy - cy) + (w - w) + (h - h) + (angle - angle)
    area = torch.where((w > 0) & (h > 0), w * h, 0.0) + sound
    return Turned(cx, cy, w, h, angle, cosine(angle), sine(angle), area)


def wide(boxes: Tensor) -> Tensor:
    """As float64, on the CPU where the device has none."""
    return (boxes.cpu() if boxes.device.type == "mps" else boxes).double()


def is_frame(a: Turned, b: Turned) -> Tensor:
    """Whether the area is computed in the frame of a: of the larger area, then of the first number that is larger."""
    larger = a.angle > b.angle
    for mine, other in ((a.h, b.h), (a.w, b.w), (a.cy, b.cy), (a.cx, b.cx), (a.area, b.area)):
        larger = (mine > other) | ((mine == other) & larger)
    return larger


def ordered(a: Turned, b: Turned) -> tuple[Turned, Turned]:
    """The box, and the one whose frame it is seen in."""
    of_a = is_frame(a, b)
    box = Turned(*(torch.where(of_a, y, x) for x, y in zip(a, b, strict=True)))
    frame = Turned(*(torch.where(of_a, x, y) for x, y in zip(a, b, strict=True)))
    return box, frame


class Relative(NamedTuple):
    """Where a box is in the frame of another: the direction of its width, and its centre."""

    cos: Tensor
    sin: Tensor
    dx: Tensor  # along the axes of the picture
    dy: Tensor
    x: Tensor
    y: Tensor


def relative(box: Turned, frame: Turned) -> Relative:
    parallel = box.angle == frame.angle
    c = torch.where(parallel, 1.0, box.cos * frame.cos + box.sin * frame.sin)
    s = box.sin * frame.cos - box.cos * frame.sin  # 0 if parallel, and has a slope there
    dx, dy = box.cx - frame.cx, box.cy - frame.cy
    return Relative(c, s, dx, dy, dx * frame.cos + dy * frame.sin, dy * frame.cos - dx * frame.sin)


def area_slopes(box: Turned) -> Tensor:
    none = torch.zeros_like(box.w)
    filled = (box.w > 0) & (box.h > 0)
    by_w, by_h = torch.where(filled, box.h, 0.0), torch.where(filled, box.w, 0.0)
    return torch.stack([none, none, by_w, by_h, none], dim=-1)

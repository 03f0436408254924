"""Rotated boxes as torchvision, detectron2 and mmcv may write them, as boxes of `ptdet.rotated`."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .._library.overlap_checks import check_boxes
from ..reference import cosine, sine
from ..reference.rotated_box import wide
from .rotated_boxes import direction_angle

NUMBERS = {"cxcywhr": 5, "xywhr": 5, "xyxyxyxy": 8}


def of_degrees(boxes: Tensor) -> Tensor:
    """Of (..., 5) centre x, centre y, width, height, degrees counter-clockwise on the picture; in float64.

    Whole quarters of a turn are exact: they exchange the sides, and what is left, within 45 degrees, becomes radians.
    """
    x, y, w, h, degrees = wide(boxes).unbind(-1)
    quarters = _quarters(degrees)
    odd = quarters.remainder(2) == 1
    angle = (degrees - 90 * quarters) * (-math.pi / 180)
    return torch.stack([x, y, torch.where(odd, h, w), torch.where(odd, w, h), angle], -1)


def of_torchvision(name: str, boxes: Tensor, fmt: str) -> Tensor:
    """Of the formats of torchvision.ops.box_iou; in float64. Of four corners the first three count, as there."""
    check_boxes(name, boxes, numbers=NUMBERS[fmt])
    if fmt == "cxcywhr":
        return of_degrees(boxes)
    if fmt == "xywhr":
        x, y, w, h, degrees = wide(boxes).unbind(-1)
        c, s = _direction(degrees)
        return of_degrees(torch.stack([x + (c * w + s * h) / 2, y + (c * h - s * w) / 2, w, h, degrees], -1))
    first, w, h, c, s = _of_corners(wide(boxes))
    centre = first + torch.stack([c * w - s * h, s * w + c * h], -1) / 2
    return torch.cat([centre, torch.stack([w, h, direction_angle(c, s)], -1)], -1)


def converted(boxes: Tensor, in_fmt: str, out_fmt: str) -> Tensor:
    """In another of these formats, of the input's dtype; integers are rounded once."""
    x, y, w, h, degrees = _with_first_corner(wide(boxes), in_fmt).unbind(-1)
    c, s = _direction(degrees)
    if out_fmt == "xywhr":
        numbers = [x, y, w, h, degrees]
    elif out_fmt == "cxcywhr":
        numbers = [x + (c * w + s * h) / 2, y + (c * h - s * w) / 2, w, h, degrees]
    else:
        along, across = (c * w, -s * w), (s * h, c * h)
        ways = ((0.0, 0.0), along, (along[0] + across[0], along[1] + across[1]), across)
        numbers = [start + way for way_x, way_y in ways for start, way in ((x, way_x), (y, way_y))]
    found = torch.stack(numbers, -1)
    return (found if boxes.is_floating_point() else torch.round(found)).to(boxes)


def _with_first_corner(boxes: Tensor, fmt: str) -> Tensor:
    """xywhr."""
    if fmt == "xywhr":
        return boxes
    if fmt == "cxcywhr":
        x, y, w, h, degrees = boxes.unbind(-1)
        c, s = _direction(degrees)
        return torch.stack([x - (c * w + s * h) / 2, y - (c * h - s * w) / 2, w, h, degrees], -1)
    first, w, h, c, s = _of_corners(boxes)
    return torch.cat([first, torch.stack([w, h, direction_angle(c, -s) * (180 / math.pi)], -1)], -1)


def _of_corners(boxes: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The first corner, the sides, and the direction of the width on the picture: (1, 0) where it is 0."""
    first, second, third, _ = boxes.unflatten(-1, (4, 2)).unbind(-2)
    along, across = second - first, third - second
    w, h = (torch.sqrt((side * side).sum(-1)) for side in (along, across))
    some = w > 0
    c = torch.where(some, along[..., 0] / torch.where(some, w, 1.0), 1.0)
    s = torch.where(some, along[..., 1] / torch.where(some, w, 1.0), 0.0)
    return first, w, h, c, s


def _quarters(degrees: Tensor) -> Tensor:
    return torch.round(degrees.detach() / 90)


def _direction(degrees: Tensor) -> tuple[Tensor, Tensor]:
    """Cosine and sine, exact for whole quarters."""
    quarters = _quarters(degrees)
    radians = (degrees - 90 * quarters) * (math.pi / 180)
    c, s = cosine(radians), sine(radians)
    k = quarters.remainder(4)
    odd, over = k.remainder(2) == 1, k >= 2
    along, across = torch.where(odd, -s, c), torch.where(odd, c, s)
    return torch.where(over, -along, along), torch.where(over, -across, across)

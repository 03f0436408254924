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
    first, second, third, _ = wide(boxes).unflatten(-1, (4, 2)).unbind(-2)
    along, across = second - first, third - second
    w, h = (torch.sqrt((side * side).sum(-1)) for side in (along, across))
    some = w > 0
    c = torch.where(some, along[..., 0] / torch.where(some, w, 1.0), 1.0)
    s = torch.where(some, along[..., 1] / torch.where(some, w, 1.0), 0.0)
    centre = first + torch.stack([c * w - s * h, s * w + c * h], -1) / 2
    return torch.cat([centre, torch.stack([w, h, direction_angle(c, s)], -1)], -1)


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

"""Quads of text (ICDAR 2015) and polygons of objects (COCO) as rotated boxes, and made-up candidates around them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import ptdet

from .rotated_campaign import Scene
from .rotated_scenes import Drawn

DATA = Path(__file__).parent / "data"


@cache
def text_quads() -> dict[int, Tensor]:
    """For each picture (M, 4, 2), in whole pixels."""
    with np.load(DATA / "icdar2015/quads.npz", allow_pickle=False) as stored:
        parts = np.split(stored["quads"].astype(np.float64), stored["offsets"][1:-1])
        return {int(i): torch.from_numpy(part) for i, part in zip(stored["image_ids"], parts, strict=True) if len(part)}


@cache
def object_points() -> dict[int, list[Tensor]]:
    """For each picture the corners (P, 2) of each object's polygons, in hundredths of a pixel."""
    found: dict[int, list[Tensor]] = {}
    with np.load(DATA / "coco_shapes/polygons.npz", allow_pickle=False) as stored:
        parts = np.split(stored["points"].astype(np.float64), stored["offsets"][1:-1])
        for image, part in zip(stored["image_ids"].tolist(), parts, strict=True):
            found.setdefault(image, []).append(torch.from_numpy(part))
    return found


def rectangles(source: str) -> Iterator[tuple[str, Tensor]]:
    """The rectangles (M, 5) of a picture's shapes, in pixels; the picture with most first."""
    pictures: dict[int, Any] = text_quads() if source == "text" else object_points()
    for image, shapes in sorted(pictures.items(), key=lambda picture: -len(picture[1])):
        if source == "text":
            yield f"text {image}", ptdet.rotated.min_area_rect(shapes)
        else:
            yield f"objects {image}", torch.stack([ptdet.rotated.min_area_rect(points / 100) for points in shapes])


def candidates(name: str, boxes: Tensor, turn: int, most: int) -> Scene:
    """Each of a picture's first boxes, at most so many, three times, jittered: there is no detector behind them.

    Their sides by up to 10 %, their centres by up to 10 % of these, their angles by up to 0.1; every other one is
    written with its sides exchanged. `turn` chooses threshold and options as in the campaign.
    """
    boxes = boxes[:most].repeat(3, 1)
    some = Drawn(len(boxes), turn)
    moves = torch.stack([some.within(-0.1, 0.1) for _ in range(5)], dim=-1)
    sides = boxes[:, 2:4]
    moved = torch.cat(
        [boxes[:, :2] + moves[:, :2] * sides, sides * (1 + moves[:, 2:4]), boxes[:, 4:] + moves[:, 4:]], 1
    )
    exchanged = moved[:, [0, 1, 3, 2, 4]] + torch.tensor([0, 0, 0, 0, math.pi / 2])
    moved = torch.where((torch.arange(len(boxes)) % 2 == 0)[:, None], moved, exchanged)
    ids = torch.arange(len(boxes)) % 2 if turn % 4 == 3 else None
    metric = ("iou", "ios", "iou", "iof")[turn % 4]
    return Scene(name, moved, some.within(0.01, 1), ids, metric, turn)

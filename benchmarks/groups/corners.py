"""Boxes that cover each other, compared with torchvision's NMS of them: cases in which a fast algorithm may be slow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

import ptdet
from ptdet.testing import scenes

from ..cases import OURS, Case, Contender, Group, Options, Series
from ..peers import find
from .nms import FLOOR
from .scenes import Draw

SIZES = (2000, 10_000, 20_000)
FAST = "ptdet.fast_nms"


@dataclass(frozen=True)
class Corner:
    """A method on a scene."""

    draw: Draw
    method: Callable[[Tensor, Tensor], Any]
    threshold: float  # of the peers
    beside_fast: bool = False


# scene, function, metric, threshold
CASES: tuple[tuple[Draw, str, str, float], ...] = (
    (scenes.identical, "nms", "iou", 1.0),
    (scenes.identical, "nms", "giou", 1.0),
    (scenes.identical, "fast_nms", "iou", 1.0),
    (scenes.overlapping, "nms", "iou", 0.999),
    (scenes.overlapping, "nms", "iof", 0.999),
    (scenes.overlapping, "nms", "ios", 0.999),
    (scenes.overlapping, "nms", "ios", 1.0),
    (scenes.overlapping, "fast_nms", "iou", 0.999),
    (scenes.overlapping, "greedy_nmm", "ios", 0.999),
    (scenes.nested, "nms", "ios", 1.0),
    (scenes.row, "nms", "iou", 0.0),
    (scenes.row, "nms", "ios", 0.5),
    (scenes.beneath_one, "nms", "ios", 0.999),
    (scenes.scattered, "nms", "iou", 0.0),
)


def _method(function: str, threshold: float, metric: str) -> Callable[[Tensor, Tensor], Any]:
    return lambda boxes, scores: getattr(ptdet, function)(boxes, scores, threshold, metric=metric)


CORNERS: dict[str, Corner] = {
    f"{draw.__name__}, {function} {metric} {threshold:g}": Corner(draw, _method(function, threshold, metric), threshold)
    for draw, function, metric, threshold in CASES
} | {
    "identical, matrix_nms": Corner(scenes.identical, ptdet.matrix_nms, 1.0),
    # fast_nms at a threshold at which it must search for the box of largest overlap, too
    "overlapping, matrix_nms": Corner(scenes.overlapping, ptdet.matrix_nms, 0.999, beside_fast=True),
}


def series(options: Options) -> Iterator[Series]:
    for device in options.devices:
        for name, corner in CORNERS.items():
            yield Series("corners", name, options.sizes_of(SIZES), partial(_case, corner, device), device=device)


def _case(corner: Corner, device: str, n: int) -> Case:
    boxes, scores = (one.to(device) for one in corner.draw(n))
    contenders = [Contender(OURS, lambda: corner.method(boxes, scores), None)]
    if corner.beside_fast:
        contenders.append(Contender(FAST, lambda: ptdet.fast_nms(boxes, scores, corner.threshold), None))
    if torchvision := find("torchvision"):
        peer = torchvision.ops.nms
        contenders.append(Contender("torchvision", lambda: peer(boxes, scores, corner.threshold), None, "its NMS"))
    return Case(contenders, lambda: torch.sort(scores, descending=True))


GROUP = Group("corners", "boxes that cover each other, compared with torchvision's NMS of them", FLOOR, series)

"""Hard NMS, plain and within 80 classes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from ptdet.ops import nms as suppression

from ..cases import OURS, Case, Contender, Group, Options, Series
from .nms_peers import batched_peers, plain_peers
from .scenes import SCENES, Detections, class_of_80, real_detections

SIZES = (10, 100, 1000, 3000, 10_000, 30_000, 100_000, 1_000_000)
BATCHED_SIZES = (100, 1000, 10_000, 30_000, 100_000, 1_000_000)
HALF_SIZES = (1000, 10_000, 100_000)
MOST = {"dense": 100_000}  # above it each box overlaps tens of thousands, which no detector does
THRESHOLD = 0.5
FLOOR = "torch.sort of the scores"


def plain_case(boxes: Tensor, scores: Tensor) -> Case:
    ours = Contender(OURS, lambda: suppression.nms(boxes, scores, THRESHOLD))
    return Case([ours, *plain_peers(boxes, scores, THRESHOLD)], lambda: torch.sort(scores, descending=True))


def batched_case(boxes: Tensor, scores: Tensor, idxs: Tensor) -> Case:
    ours = Contender(OURS, lambda: suppression.batched_nms(boxes, scores, idxs, THRESHOLD))
    peers = batched_peers(boxes, scores, idxs, THRESHOLD)
    return Case([ours, *peers], lambda: torch.sort(scores, descending=True))


def plain_series(options: Options) -> Iterator[Series]:
    for device in options.devices:
        for scene in SCENES:
            sizes = options.sizes_of(SIZES, MOST.get(scene, SIZES[-1]))
            yield Series("nms", scene, sizes, partial(_plain, scene, "float32", device), device=device)
        for dtype in ("float16", "bfloat16"):
            half = partial(_plain, "clustered", dtype, device)
            yield Series("nms", "clustered", options.sizes_of(HALF_SIZES), half, dtype, device)
        for found in real_detections(None if options.sizes else options.data):
            yield Series(
                "nms", found.name, (len(found.boxes),), partial(_real, device, found), device=device, fixed=True
            )


def batched_series(options: Options) -> Iterator[Series]:
    for device in options.devices:
        for scene in ("clustered", "scattered"):
            yield Series(
                "batched", scene, options.sizes_of(BATCHED_SIZES), partial(_batched, scene, device), device=device
            )
        for found in real_detections(None if options.sizes else options.data):
            if len(found.labels.unique()) > 1:
                at = partial(_real_batched, device, found)
                yield Series("batched", found.name, (len(found.boxes),), at, device=device, fixed=True)


def _plain(scene: str, dtype: str, device: str, n: int) -> Case:
    boxes, scores = (one.to(device, getattr(torch, dtype)) for one in SCENES[scene](n))
    return plain_case(boxes, scores)


def _batched(scene: str, device: str, n: int) -> Case:
    boxes, scores = SCENES[scene](n)
    return batched_case(boxes.to(device), scores.to(device), class_of_80(n).to(device))


def _real(device: str, found: Detections, n: int) -> Case:
    return plain_case(found.boxes.to(device), found.scores.to(device))


def _real_batched(device: str, found: Detections, n: int) -> Case:
    return batched_case(found.boxes.to(device), found.scores.to(device), found.labels.to(device))


PLAIN = Group(
    "nms",
    "hard NMS at threshold 0.5, class-agnostic",
    FLOOR,
    plain_series,
    memory={"clustered": (1_000_000,), "scattered": (1_000_000,)},
)
BATCHED = Group(
    "batched",
    "hard NMS at threshold 0.5 within each of 80 classes",
    FLOOR,
    batched_series,
    memory={"scattered": (1_000_000,)},
)

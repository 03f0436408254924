"""The calls that the rows of rotated boxes of the CATALOG are tested with."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from .._shared.parameters import PARAMETERS, ROTATED_METRICS, ROTATED_OVERLAPS
from . import scenes
from .samples import Sample


def clustered(n: int, seed: int = 0, **options: Any) -> tuple[Tensor, Tensor]:
    """The boxes of `scenes.clustered`, each object with its direction, and boxes near it."""
    boxes, scores = scenes.clustered(n, seed, **options)
    place, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    shape = size * torch.tensor([1.5, 0.4])
    angle = (place / 90).floor().sum(1) + 0.05 * torch.randn(n, generator=scenes.generator(seed))
    return torch.cat([place, shape, angle[:, None]], dim=1), scores


def pairwise(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    def boxes(n: int, seed: int) -> Tensor:
        return clustered(n, seed)[0].to(device, dtype)

    for n, m in ((0, 0), (0, 3), (3, 0), (1, 1), (7, 33), (20, 530)):
        yield Sample(f"{n} x {m}", (boxes(n, n), boxes(m, n)))
    a, b = boxes(20, 1), boxes(25, 1)
    for kind in ROTATED_OVERLAPS:
        yield Sample(kind, (a, b, kind))
    yield Sample("batch", (a.view(2, 1, 10, 5), b.view(1, 5, 5, 5).expand(2, 1, 5, 5, 5)[:, :, 0], "ios"))
    yield Sample("strided", (a.t().contiguous().t()[::2], b[::3]))


def one_by_one(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    def boxes(n: int, seed: int) -> Tensor:
        return clustered(n, seed)[0].to(device, dtype)

    for n in (0, 1, 31, 600):
        yield Sample(f"{n} pairs", (boxes(n, 1), boxes(n, 2)))
    a, b = boxes(60, 1), boxes(60, 1).roll(1, 0)
    for kind in ROTATED_OVERLAPS:
        yield Sample(kind, (a, b, kind))
    yield Sample("strided", (a.view(3, 20, 5).transpose(0, 1), b.view(3, 20, 5).transpose(0, 1)))
    yield Sample("one against many", (a[:1].expand(60, 5), b))
    yield Sample("one pair", (a[0], b[0]))


def backward(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    stored = torch.float64 if dtype == torch.float64 else torch.float32
    for sample in one_by_one(device, dtype):
        shape = sample.arguments[0].shape[:-1]
        grad = torch.randn(shape, generator=scenes.generator(5)).to(device, stored)
        yield Sample(sample.name, (grad, *sample.arguments))
    boxes = clustered(40, 1)[0].to(device, dtype)
    grad = torch.ones((), device=device, dtype=stored).expand(40)
    yield Sample("of a sum, of one side", (grad, boxes, boxes.roll(1, 0), "iou", True, False))


def suppression(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    def scene(n: int, seed: int) -> tuple[Tensor, Tensor]:
        boxes, scores = clustered(n, seed)
        return boxes.to(device, dtype), scores.to(device, dtype)

    for n in (0, 1, 40, 100):  # the reference is slow
        yield Sample(f"{n} boxes", (*scene(n, n), None, 0.3))
    boxes, scores = scene(64, 7)
    for kind in ("few", "extreme", "float", "bool"):
        yield Sample(f"ids {kind}", (boxes, scores, scenes.class_ids(64, kind, 7).to(device), 0.3))
    for metric in ROTATED_METRICS[1:]:
        yield Sample(metric, (boxes, scores, None, 0.4), {"metric": metric})
    yield Sample("inclusive", (boxes, scores, None, 0.0), {"inclusive": True})
    yield Sample("limits", (boxes, scores, None, 0.5), {"score_threshold": 0.25, "max_output": 12})
    yield Sample("strided", (boxes.t().contiguous().t()[::2], scores[::2], None, 0.3))


def few(device: torch.device, dtype: torch.dtype) -> Iterator[tuple[str, Tensor, Tensor, Tensor | None]]:
    """Boxes, scores and ids; each box in one of its equal writings."""
    for n in (0, 1, 24):
        boxes, scores = clustered(n, n)
        written = torch.arange(n) % 3
        turned = boxes[:, [0, 1, 3, 2, 4]] + torch.tensor([0.0, 0, 0, 0, 0.5 * math.pi])
        boxes = torch.where((written == 1)[:, None], turned, boxes)
        boxes[:, 4] -= math.pi * (written == 2)
        for ids in (None, scenes.class_ids(n, "few", n).to(device) % 3):
            name = f"{n} boxes{'' if ids is None else ' of classes'}"
            yield name, boxes.to(device, dtype), scores.to(device, dtype), ids


def merge(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    options = zip(PARAMETERS["members"].tries * 2, PARAMETERS["weights"].tries * 4, strict=True)
    for i, (members, weights) in enumerate(options):
        for name, *scene in few(device, dtype):
            keywords = {"members": members, "weights": weights, "metric": ROTATED_METRICS[i % 3]}
            limits = {"score_threshold": 0.2, "max_output": 6} if i % 2 else {}
            yield Sample(f"{name} {members} {weights}", (*scene, 0.3), keywords | limits)


def nmm(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    for propagate, inclusive, limit in ((False, True, None), (True, True, 6), (False, False, 3), (True, False, None)):
        for name, *scene in few(device, dtype):
            keywords = {"members_propagate": propagate, "inclusive": inclusive, "max_output": limit}
            yield Sample(f"{name} {keywords}", (*scene, 0.4), keywords)


def fusion(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    for i, conf_type in enumerate(PARAMETERS["conf_type"].tries):
        for name, boxes, scores, ids in few(device, dtype):
            models = torch.arange(len(scores), device=device) % 3 if i else None
            weights = torch.tensor([2.0, 1.0, 0.5], device=device, dtype=dtype) if i else None
            keywords = {"conf_type": conf_type, "allows_overflow": i == 2, "max_output": (None, 4)[i % 2]}
            yield Sample(f"{name} {conf_type}", (boxes, scores, ids, models, weights, 0.3), keywords)

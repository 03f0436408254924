"""The calls that the rows of rotated boxes of the CATALOG are tested with."""

from collections.abc import Iterator

import torch
from torch import Tensor

from .._shared.parameters import ROTATED_METRICS
from . import scenes
from .samples import Sample


def clustered(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """The boxes of `scenes.clustered`, each object with its direction, and boxes near it."""
    boxes, scores = scenes.clustered(n, seed)
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
    for kind in ROTATED_METRICS:
        yield Sample(kind, (a, b, kind))
    yield Sample("batch", (a.view(2, 1, 10, 5), b.view(1, 5, 5, 5).expand(2, 1, 5, 5, 5)[:, :, 0], "ios"))
    yield Sample("strided", (a.t().contiguous().t()[::2], b[::3]))


def one_by_one(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    def boxes(n: int, seed: int) -> Tensor:
        return clustered(n, seed)[0].to(device, dtype)

    for n in (0, 1, 31, 600):
        yield Sample(f"{n} pairs", (boxes(n, 1), boxes(n, 2)))
    a, b = boxes(60, 1), boxes(60, 1).roll(1, 0)
    for kind in ROTATED_METRICS:
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

    for n in (0, 1, 50, 200):
        yield Sample(f"{n} boxes", (*scene(n, n), None, 0.3))
    boxes, scores = scene(120, 7)
    for kind in ("few", "extreme", "float", "bool"):
        yield Sample(f"ids {kind}", (boxes, scores, scenes.class_ids(120, kind, 7).to(device), 0.3))
    for metric in ROTATED_METRICS[1:]:
        yield Sample(metric, (boxes, scores, None, 0.4), {"metric": metric})
    yield Sample("inclusive", (boxes, scores, None, 0.0), {"inclusive": True})
    yield Sample("limits", (boxes, scores, None, 0.5), {"score_threshold": 0.25, "max_output": 20})
    yield Sample("strided", (boxes.t().contiguous().t()[::2], scores[::2], None, 0.3))

"""The calls that a row of the CATALOG is tested with."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from .._shared.parameters import METRICS
from . import scenes


@dataclass(frozen=True)
class Sample:
    """The arguments of one call, as the operator's schema has them."""

    name: str
    arguments: tuple[Any, ...]
    keywords: dict[str, Any] = field(default_factory=dict)


def suppression(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    def scene(n: int, seed: int) -> tuple[Tensor, Tensor]:
        boxes, scores = scenes.clustered(n, seed)
        return boxes.to(device, dtype), scores.to(device, dtype)

    for n in (0, 1, 50, 400):
        yield Sample(f"{n} boxes", (*scene(n, n), None, 0.5))
    boxes, scores = scene(120, 7)
    for kind in ("few", "extreme", "float", "bool"):
        yield Sample(f"ids {kind}", (boxes, scores, scenes.class_ids(120, kind, 7).to(device), 0.5))
    for metric in METRICS[1:]:
        yield Sample(metric, (boxes, scores, None, 0.4), {"metric": metric})
    yield Sample("inclusive", (boxes, scores, None, 0.0), {"inclusive": True})
    yield Sample("limits", (boxes, scores, None, 0.7), {"score_threshold": 0.25, "max_output": 20})
    yield Sample("strided", (boxes.t().contiguous().t()[::2], scores[::2], None, 0.5))

"""What a pass asks of the shape of its boxes: how many numbers they have, which measures, and how to compute those."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .overlap import METRICS, computed, raw_overlap
from .rotated_overlap import ROTATED_METRICS, Turned, turned, wide


class Shape(NamedTuple):
    numbers: int  # of a box
    metrics: Iterable[str]
    rows: Callable[[Tensor], Tensor]  # of boxes (N, numbers), in the type that overlaps are computed in
    overlap: Callable[[Tensor, Tensor, str], Tensor]  # of rows, which broadcast, by a metric: as it comes out


def _plain(boxes: Tensor) -> Tensor:
    return computed(boxes.detach())


def _with_directions(boxes: Tensor) -> Tensor:
    return torch.stack(turned(wide(boxes.detach())), dim=-1)


def _of_turned(candidates: Tensor, selected: Tensor, metric: str) -> Tensor:
    return ROTATED_METRICS[metric](Turned(*candidates.unbind(-1)), Turned(*selected.unbind(-1)))


ALIGNED = Shape(4, METRICS, _plain, raw_overlap)
ROTATED = Shape(5, ROTATED_METRICS, _with_directions, _of_turned)


def of_rotated(suppression: Callable[..., Any]) -> Callable[..., Any]:
    """The same of boxes (N, 5), decided in float64: on the CPU where the device has none."""

    def rotated(boxes: Tensor, *arguments: Any, **keywords: Any) -> Any:
        if boxes.device.type != "mps":
            return suppression(boxes, *arguments, **keywords, shape=ROTATED)
        there = [each.cpu() if isinstance(each, Tensor) else each for each in (boxes, *arguments)]
        found = suppression(*there, **keywords, shape=ROTATED)
        if isinstance(found, Tensor):
            return found.to(boxes.device)
        return tuple(each.to(boxes.device) for each in found)

    rotated.__name__, rotated.__doc__ = f"rotated_{suppression.__name__}", suppression.__doc__
    return rotated

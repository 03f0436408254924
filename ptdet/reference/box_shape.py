"""What a pass asks of the shape of its boxes: how many numbers they have, which measures, and how to compute those."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .overlap import METRICS, computed, raw_overlap
from .rotated_box import Turned, turned, wide
from .rotated_overlap import ROTATED_METRICS


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


def on_cpu_without_float64(walk: Callable[..., Any]) -> Callable[..., Any]:
    """A walk over rotated boxes, which are computed in float64: a Mac's GPU has none."""

    def found(boxes: Tensor, *arguments: Any, **options: Any) -> Any:
        if boxes.device.type != "mps":
            return walk(boxes, *arguments, **options)

        def here(value: Any) -> Any:
            return value.cpu() if isinstance(value, Tensor) else value

        there = walk(boxes.cpu(), *map(here, arguments), **{name: here(value) for name, value in options.items()})
        if isinstance(there, Tensor):
            return there.to(boxes.device)
        return tuple(each.to(boxes.device) for each in there)

    found.__name__, found.__doc__ = walk.__name__, walk.__doc__
    return found


def of_rotated(suppression: Callable[..., Any]) -> Callable[..., Any]:
    """The same of boxes (N, 5)."""

    def rotated(boxes: Tensor, *arguments: Any, **keywords: Any) -> Any:
        return suppression(boxes, *arguments, **keywords, shape=ROTATED)

    rotated.__name__, rotated.__doc__ = f"rotated_{suppression.__name__}", suppression.__doc__
    return on_cpu_without_float64(rotated)

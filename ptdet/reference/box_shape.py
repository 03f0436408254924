"""What a pass asks of the shape of its boxes: their numbers, their measures, and how they merge."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from . import rotated_fusion
from .overlap import METRICS, centre_distance_share, computed, raw_overlap
from .rotated_box import Turned, turned, wide
from .rotated_overlap import ROTATED_METRICS, turned_distance_share


class Shape(NamedTuple):
    """A row is a box's numbers, and behind them what is computed once a box."""

    numbers: int  # of a box
    metrics: Iterable[str]
    rows: Callable[[Tensor], Tensor]  # of boxes (N, numbers), in the type that overlaps are computed in
    overlap: Callable[[Tensor, Tensor, str], Tensor]  # of rows, which broadcast, by a metric: as it comes out
    distance: Callable[[Tensor, Tensor], Tensor]  # the squared one of centres over the squared diagonal around both
    # Of rows side by side with those of reference boxes:
    relative: Callable[[Tensor, Tensor], Tensor]  # the numbers whose mean is taken
    absolute: Callable[[Tensor, Tensor], Tensor]  # from them the numbers of a box
    extents: Callable[[Tensor, Tensor], Tensor]  # from and to, of both axes of the reference box
    within: Callable[[Tensor, Tensor], Tensor]  # from extents the numbers of a box


def _plain(boxes: Tensor) -> Tensor:
    return computed(boxes.detach())


def _with_directions(boxes: Tensor) -> Tensor:
    return torch.stack(turned(wide(boxes.detach())), dim=-1)


def _of_turned(candidates: Tensor, selected: Tensor, metric: str) -> Tensor:
    return ROTATED_METRICS[metric](Turned(*candidates.unbind(-1)), Turned(*selected.unbind(-1)))


def _distance_of_turned(candidates: Tensor, selected: Tensor) -> Tensor:
    return turned_distance_share(Turned(*candidates.unbind(-1)), Turned(*selected.unbind(-1)))


def _first(first: Tensor, _: Tensor) -> Tensor:
    return first


ALIGNED = Shape(
    *(4, METRICS, _plain, raw_overlap, centre_distance_share),
    relative=_first,
    absolute=_first,
    extents=_first,
    within=_first,
)
ROTATED = Shape(
    *(5, ROTATED_METRICS, _with_directions, _of_turned, _distance_of_turned),
    relative=rotated_fusion.offsets,
    absolute=rotated_fusion.moved,
    extents=rotated_fusion.frame_extents,
    within=rotated_fusion.box_in_frame,
)


def of_rotated(walk: Callable[..., Any]) -> Callable[..., Any]:
    """The same of boxes (N, 5), computed in float64: on the CPU where the device has none, as a Mac's GPU."""

    def rotated(boxes: Tensor, *arguments: Any, **keywords: Any) -> Any:
        if boxes.device.type != "mps":
            return walk(boxes, *arguments, **keywords, shape=ROTATED)

        def here(value: Any) -> Any:
            return value.cpu() if isinstance(value, Tensor) else value

        given = {name: here(value) for name, value in keywords.items()}
        there = walk(boxes.cpu(), *map(here, arguments), **given, shape=ROTATED)
        if isinstance(there, Tensor):
            return there.to(boxes.device)
        return tuple(each.to(boxes.device) for each in there)

    rotated.__name__, rotated.__doc__ = f"rotated_{walk.__name__}", walk.__doc__
    return rotated

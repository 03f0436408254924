"""What is timed: the libraries of a case at one size, the sizes of a series, the series of a group."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor

Call: TypeAlias = Callable[[], Any]
# (what is called, how often) -> seconds a call
Clock: TypeAlias = Callable[[Call, int], float]

OURS = "ptdet"
LAST_PLACES = "units of the last place"


def indices(result: Any) -> Tensor:
    """Kept indices in ascending order, from whatever form a library returns."""
    return torch.as_tensor(result).flatten().long().cpu().sort().values


@dataclass(frozen=True)
class Contender:
    """One library at one size. Its input in the form that it needs (float64, NumPy, corner order) is made before."""

    library: str
    call: Call
    answer: Callable[[Any], Tensor] | None = indices  # the form in which results are compared; None: they are not
    note: str = ""  # how its semantics or its input differ

    def answered(self) -> Tensor | None:
        """Calls it once and returns the result as it is compared; None if it is not."""
        result, form = self.call(), self.answer
        return None if form is None else form(result)


@dataclass(frozen=True)
class Case:
    """All that is timed in turn at one size. The first contender is ptdet."""

    contenders: list[Contender]
    floor: Call | None = None  # the least that any implementation must do on this machine
    clock: Clock | None = None  # None: the device's


@dataclass(frozen=True)
class Series:
    """One workload at several sizes."""

    group: str
    scene: str
    sizes: tuple[int, ...]
    build: Callable[[int], Case]
    dtype: str = "float32"
    device: str = "cpu"
    fixed: bool = False  # there is one size, and `build` ignores its argument

    @property
    def name(self) -> str:
        return f"{self.group}, {self.scene}, {self.dtype}, {self.device}"


@dataclass(frozen=True)
class Options:
    """What the command line asked for."""

    sizes: tuple[int, ...] = ()  # empty: those of the group
    quick: bool = False
    devices: tuple[str, ...] = ("cpu",)
    data: Path | None = None  # folder of real detections

    def sizes_of(self, usual: tuple[int, ...], most: int = 10_000_000) -> tuple[int, ...]:
        chosen = self.sizes or (tuple(n for n in usual if n <= 10_000) if self.quick else usual)
        return tuple(n for n in chosen if n <= most)


def differing_indices(ours: Tensor, theirs: Tensor) -> float:
    """How many indices only one of the two has, with repeats."""
    values = torch.cat([ours, theirs])
    sign = torch.cat([torch.ones_like(ours), -torch.ones_like(theirs)])
    unique, place = values.unique(return_inverse=True)
    return float(torch.zeros(len(unique), dtype=sign.dtype).index_add(0, place, sign).abs().sum())


def largest_difference(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference, in units of the last place of the coarser dtype at max(1, |value|).

    Infinite where shapes differ or one of the two is NaN.
    """
    if ours.shape != theirs.shape:
        return float("inf")
    if not ours.numel():
        return 0.0
    unit = max(torch.finfo(one.dtype).eps for one in (ours, theirs))
    ours, theirs = ours.double(), theirs.double()
    return float(((ours - theirs).abs() / ours.abs().clamp(min=1) / unit).nan_to_num(torch.inf).max())


@dataclass(frozen=True)
class Group:
    """A family of operations with one floor and one way to compare results."""

    name: str
    what: str
    floor: str  # in words
    series: Callable[[Options], Iterator[Series]]
    difference: Callable[[Tensor, Tensor], float] = differing_indices
    difference_in: str = "indices"  # LAST_PLACES for numbers
    tolerance: float = 0.0  # a larger difference is marked in the table
    memory: dict[str, tuple[int, ...]] = field(default_factory=dict)  # scene -> sizes at which memory is measured
    size_name: str = "boxes"

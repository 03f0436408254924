"""The box sets with a name: the corners of the contract. Each is float32 and keeps its sense in other dtypes."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from . import scenes

NAMED: dict[str, Callable[[], tuple[Tensor, Tensor]]] = {}


def _named(make: Callable[[], tuple[Tensor, Tensor]]) -> Callable[[], tuple[Tensor, Tensor]]:
    NAMED[make.__name__] = make
    return make


def _with(boxes: list[list[float]], seed: int = 0) -> tuple[Tensor, Tensor]:
    """The boxes, then 40 ordinary ones around them, under distinct scores in a mixed order."""
    ordinary, _ = scenes.clustered(40, seed, image=60)
    both = torch.cat([torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4), ordinary])
    both = both[torch.randperm(len(both), generator=scenes.generator(seed))]
    return both, scenes.uniform_scores(len(both), seed)


@_named
def touching() -> tuple[Tensor, Tensor]:
    """Tiles that share edges and corners, no area."""
    x = torch.arange(8).repeat(8) * 10.0
    y = torch.arange(8).repeat_interleave(8) * 10.0
    return torch.stack([x, y, x + 10, y + 10], dim=1), scenes.uniform_scores(64, 1)


@_named
def nested() -> tuple[Tensor, Tensor]:
    inset = torch.arange(50.0)
    return torch.stack([inset, inset, 200 - inset, 150 - inset], dim=1), scenes.uniform_scores(50, 2)


@_named
def duplicate() -> tuple[Tensor, Tensor]:
    return scenes.duplicated(200, 3)


@_named
def zero_area() -> tuple[Tensor, Tensor]:
    return _with([[5, 5, 5, 5], [5, 5, 5, 5], [0, 10, 60, 10], [0, 10, 60, 10], [30, 0, 30, 60], [0, 0, 0, 0]], 4)


@_named
def inverted() -> tuple[Tensor, Tensor]:
    return _with([[50, 50, 10, 10], [50, 50, 10, 10], [40, 0, 5, 60], [0, 40, 60, 5], [-5, -5, -20, -20]], 5)


@_named
def nan() -> tuple[Tensor, Tensor]:
    n = math.nan
    return _with([[n, 0, 50, 50], [0, n, 50, 50], [0, 0, n, 50], [0, 0, 50, n], [n, n, n, n], [n, n, n, n]], 6)


@_named
def inf() -> tuple[Tensor, Tensor]:
    i = math.inf
    rows = [[-i, -i, i, i], [0, 0, i, 50], [0, 0, i, 50], [-i, 0, 50, 50], [i, i, i, i], [i, i, -i, -i], [0, -i, 50, i]]
    return _with(rows, 7)


@_named
def huge() -> tuple[Tensor, Tensor]:
    """Sides whose product overflows float32, and coordinates whose difference does."""
    rows = [[0, 0, 1e30, 1e30], [0, 0, 1e30, 1e30], [-3e38, -3e38, 3e38, 3e38], [0, 0, 1e19, 1e19], [0, 0, 1e19, 9e18]]
    return _with([*rows, [0, 0, 3e38, 1e-30], [0, 0, 3e38, 1e-30]], 8)


@_named
def tiny() -> tuple[Tensor, Tensor]:
    """Areas that underflow to zero or to subnormal numbers."""
    rows = [[0, 0, 1e-30, 1e-30], [0, 0, 1e-30, 1e-30], [0, 0, 1e-20, 1e-20], [0, 0, 1e-20, 9e-21], [0, 0, 1e-45, 1]]
    return _with([*rows, [0, 0, 1e-45, 1], [0, 0, 1e-22, 1e-22], [0, 0, 1e-22, 8e-23]], 9)


@_named
def negative() -> tuple[Tensor, Tensor]:
    boxes, scores = scenes.clustered(300, 10)
    return boxes - 5000, scores - 0.5


@_named
def ties() -> tuple[Tensor, Tensor]:
    return scenes.grid(200, 11)


@_named
def one_score() -> tuple[Tensor, Tensor]:
    boxes, _ = scenes.clustered(200, 12)
    return boxes, torch.zeros(200)


@_named
def strange_scores() -> tuple[Tensor, Tensor]:
    """NaN of both signs, both zeros, both infinities, subnormal."""
    boxes, _ = scenes.clustered(160, 13, image=200)
    values = torch.tensor([math.nan, -math.nan, 0.0, -0.0, math.inf, -math.inf, 1e-45, -1e-45, 0.5, -0.5])
    return boxes, values.repeat(16)


def _sized(n: int) -> None:
    def make() -> tuple[Tensor, Tensor]:
        return scenes.clustered(n, n)

    NAMED[f"size_{n}"] = make


for _n in (0, 1, 2, 63, 64, 65, 127, 128, 129, 1000, 2500):
    _sized(_n)
NAMED["scattered_3000"] = lambda: scenes.scattered(3000, 14)
NAMED["dense_1500"] = lambda: scenes.dense(1500, 15)
NAMED["grid_2000"] = lambda: scenes.grid(2000, 16)

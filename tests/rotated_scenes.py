"""Pairs of rotated boxes where computing their overlap goes wrong elsewhere, in float64."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor


class Drawn:
    def __init__(self, count: int, seed: int) -> None:
        self.count, self.random = count, torch.Generator().manual_seed(seed)

    def within(self, low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(self.count, generator=self.random, dtype=torch.float64)

    def boxes(self) -> Tensor:
        return torch.stack(
            [self.within(*ends) for ends in ((0, 100), (0, 100), (5, 60), (5, 60), (-4, 4))],
            dim=-1,
        )

    def noise(self, columns: int = 5) -> Tensor:
        return torch.randn(self.count, columns, generator=self.random, dtype=torch.float64)


def changed(boxes: Tensor, **columns: Tensor | float) -> Tensor:
    boxes = boxes.clone()
    for name, value in columns.items():
        boxes[:, ("cx", "cy", "w", "h", "angle").index(name)] = value  # type: ignore[assignment]
    return boxes


def moved(boxes: Tensor, along: Tensor) -> Tensor:
    """By so much along the width."""
    angle = boxes[:, 4]
    return changed(boxes, cx=boxes[:, 0] + along * angle.cos(), cy=boxes[:, 1] + along * angle.sin())


def scenes(count: int, seed: int = 3) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Of so many pairs each."""
    drawn = Drawn(count, seed)
    a, b = drawn.boxes(), drawn.boxes()
    yield "random", a, b
    yield "identical", a, a
    for exponent in (-12, -9, -6, -3):
        yield f"moved by 1e{exponent}", a, a + 10.0**exponent * drawn.noise()
    yield "sides swapped", a, changed(a, w=a[:, 3], h=a[:, 2], angle=a[:, 4] + math.pi / 2)
    yield "turned by 180 degrees", a, changed(a, angle=a[:, 4] + math.pi)
    yield "many turns", changed(a, angle=drawn.within(-1e5, 1e5)), b
    thin = changed(a, w=drawn.within(500, 4000), h=drawn.within(0.5, 2))
    yield "thin, close", thin, thin + torch.tensor([1e-3, 1e-3, 1e-3, 1e-3, 1e-4]) * drawn.noise()
    yield "thin, crossing", thin, changed(thin, angle=drawn.within(-4, 4))
    thin = changed(a, w=8000.0, h=1.0)
    yield "1:8000", thin, changed(thin, angle=thin[:, 4] + 1e-9 * drawn.noise(1)[:, 0])
    yield "nested", a, changed(a, w=a[:, 2] / 3, h=a[:, 3] / 7)
    yield "shared edge", a, moved(a, a[:, 2] / 2)
    yield "touching", a, moved(a, a[:, 2])
    yield "one empty", a, changed(b, h=drawn.within(-1, 0))
    place = torch.tensor([5e5, 4e6, 0, 0, 0], dtype=torch.float64)
    yield "UTM", a + place, b + place
    yield "UTM, close", a + place, a + place + 1e-6 * drawn.noise()
    for name, scale in (("1e-3 px", 1e-5), ("1e6 px", 1e4)):
        by = torch.tensor([scale] * 4 + [1], dtype=torch.float64)
        yield name, a * by, b * by
    yield "large and small", a, changed(b, w=b[:, 2] * 1e-4, h=b[:, 3] * 1e-4)
    whole = a.round()
    yield "whole numbers", changed(whole, angle=0.0), changed(b.round(), angle=0.0)

"""The calls that the rows of the norm over channels are tested with."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from .. import reference
from .samples import Sample

DEGREES = (1.0, 2.0, math.inf, 0.5, 1.5, 3.0)


def images(shape: tuple[int, ...], seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    """Numbers around 1, some of them 0, some pixels all 0, some of equal magnitude in each channel."""
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, generator=g, dtype=torch.float64)
    kind = torch.randint(0, 12, x[:, :1].shape, generator=g)
    x = torch.where(torch.rand(shape, generator=g) < 0.1, 0.0, x)
    x = torch.where(kind == 0, 0.0, x)
    return torch.where(kind == 1, x.sgn() * 0.75, x).to(dtype)


def layouts(device: torch.device, dtype: torch.dtype) -> Iterator[tuple[str, Tensor]]:
    def drawn(*shape: int) -> Tensor:
        return images(shape, sum(shape), dtype).to(device)

    yield "contiguous", drawn(2, 3, 5, 37)
    yield "channels_last of few", drawn(2, 3, 9, 21).to(memory_format=torch.channels_last)
    yield "channels_last of many", drawn(2, 37, 4, 5).to(memory_format=torch.channels_last)
    yield "no spatial dimension", drawn(6, 19)
    yield "three spatial dimensions", drawn(1, 4, 2, 3, 17)
    yield "sliced", drawn(3, 10, 8, 40)[1:, 1::3, ::2, 3:36]
    yield "expanded", drawn(2, 5, 1, 3).expand(2, 5, 4, 3)
    yield "transposed", drawn(2, 4, 7, 18).transpose(2, 3)
    yield "no pixel", drawn(2, 3, 0, 5)
    yield "no channel", drawn(2, 0, 3)


def channel_norm(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    for name, x in layouts(device, dtype):
        yield Sample(name, (x, 2.0))
    for degree in DEGREES:
        yield Sample(f"degree {degree}", (images((2, 9, 6, 11), 5, dtype).to(device), degree))


def backward(device: torch.device, dtype: torch.dtype) -> Iterator[Sample]:
    for sample in channel_norm(device, dtype):
        x, degree = sample.arguments
        norm = reference.channel_norm(x, degree)
        yield Sample(sample.name, (torch.cos(torch.arange(norm.numel())).view_as(norm).to(x), x, norm, degree))

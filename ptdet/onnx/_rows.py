"""Places and rows, in operators that ONNX runtimes evaluate as torch does, for no rows too."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def numbered(rows: Tensor) -> Tensor:
    return torch.arange(rows.shape[0], device=rows.device)


def decreasing(scores: Tensor) -> Tensor:
    return torch.sort(first_if_nan(scores), descending=True, stable=True).indices


def first_if_nan(scores: Tensor) -> Tensor:
    """Runtimes differ in where they sort NaN."""
    return torch.where(torch.isnan(scores), math.inf, scores)


def picked(values: Tensor, places: Tensor, other: float) -> Tensor:
    """values[places], and `other` where a place is -1."""
    found = values[places.clamp(min=0)]
    return torch.where((places >= 0).reshape(-1, *[1] * (values.dim() - 1)), found, other)


def in_front(kept: Tensor) -> Tensor:
    """The kept places in their order, then -1."""
    left_out, places = torch.sort((~kept).to(torch.int64), stable=True)
    return torch.where(left_out == 0, places, -1)


def within(kept: Tensor, max_output: int | None) -> Tensor:
    """The first `max_output` of the kept."""
    return kept if max_output is None else kept & (torch.cumsum(kept.to(torch.int64), 0) <= max_output)


def owned(owner: Tensor, kept: Tensor) -> Tensor:
    """The owners that are kept, -1 for the others."""
    return torch.where((owner >= 0) & kept[owner.clamp(min=0)], owner, -1)


def summed(values: Tensor, owner: Tensor) -> Tensor:
    """For each place the sum of the rows of `values` that it owns, in their order: so do runtimes scatter."""
    owner = owner[:, None].expand(values.shape)
    return torch.zeros_like(values).scatter_add(0, owner.clamp(min=0), torch.where(owner >= 0, values, 0))


def best_of(
    values: Tensor, owner: Tensor, max_output: int | None, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of the rows that own themselves the best: their values, the rows, the owners among them, and how many."""
    order = decreasing(values)
    best = within((owner == numbered(owner))[order], max_output)
    keep = picked(order, in_front(best), -1)
    kept = torch.zeros_like(best).scatter(0, order, best)
    return picked(values, keep, 0.0).to(dtype), keep, owned(owner, kept), kept.sum()


def cut(keep: Tensor, *rows: Tensor) -> tuple[Tensor, ...]:
    found = torch.nonzero(keep >= 0)[:, 0]
    return tuple(each[found] for each in (*rows, keep))

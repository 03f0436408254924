"""Two sets of boxes brought to shapes that fit, or refused in the argument's name."""

from __future__ import annotations

import torch
from torch import Tensor


def broadcast(boxes1: Tensor, boxes2: Tensor) -> tuple[Tensor, Tensor]:
    try:
        both: tuple[Tensor, Tensor] = torch.broadcast_tensors(boxes1, boxes2)
    except RuntimeError:
        expected = f"a shape that broadcasts with {tuple(boxes1.shape)}"
        raise ValueError(f"boxes2: expected {expected}, got {tuple(boxes2.shape)}") from None
    return both


def with_equal_batch(boxes1: Tensor, boxes2: Tensor) -> tuple[Tensor, Tensor]:
    try:
        batch = torch.broadcast_shapes(boxes1.shape[:-2], boxes2.shape[:-2])
    except RuntimeError:
        expected = f"leading dimensions that broadcast with {tuple(boxes1.shape[:-2])}"
        raise ValueError(f"boxes2: expected {expected}, got {tuple(boxes2.shape)}") from None
    return boxes1.expand(*batch, *boxes1.shape[-2:]), boxes2.expand(*batch, *boxes2.shape[-2:])

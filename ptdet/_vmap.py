"""torch.func.vmap over operators that take any leading dimensions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def front(tensor: Tensor, batched: int | None, size: int, place: int = 0) -> Tensor:
    """The batch dimension moved to `place`, or made there without a copy."""
    if batched is not None:
        return tensor.movedim(batched, place)
    shape = list(tensor.shape)
    return tensor.unsqueeze(place).expand(*shape[:place], size, *shape[place:])


def _pairwise_overlap(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> tuple[Tensor, int]:
    boxes = [front(arguments[i], in_dims[i], info.batch_size) for i in range(2)]
    return torch.ops.ptdet.pairwise_overlap(*boxes, *arguments[2:]), 0


def _pairwise_overlap_backward(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> tuple[Any, Any]:
    tensors = [front(arguments[i], in_dims[i], info.batch_size) for i in range(3)]
    slopes = torch.ops.ptdet.pairwise_overlap_backward(*tensors, *arguments[3:])
    wanted = [*arguments[6:], True, True][:2] if len(arguments) > 6 else [True, True]
    return slopes, tuple(0 if one else None for one in wanted)


def _graded_box_loss(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> tuple[Any, tuple[int, Any]]:
    boxes = [front(arguments[i], in_dims[i], info.batch_size) for i in range(2)]
    value, slopes = torch.ops.ptdet.graded_box_loss(*boxes, *arguments[2:])
    return (value, slopes), (0, slopes.dim() - boxes[0].dim() if slopes.dim() > 1 else None)


def _graded_box_loss_backward(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> tuple[Tensor, int]:
    grad, slopes = arguments
    sides = slopes.dim() - (in_dims[1] is not None) - (grad.dim() - (in_dims[0] is not None)) - 1
    grad = front(grad, in_dims[0], info.batch_size)
    slopes = front(slopes, in_dims[1], info.batch_size, sides).contiguous()
    return torch.ops.ptdet.graded_box_loss_backward(grad, slopes), sides


VMAPS: dict[str, Any] = {
    "pairwise_overlap": _pairwise_overlap,
    "pairwise_overlap_backward": _pairwise_overlap_backward,
    "graded_box_loss": _graded_box_loss,
    "graded_box_loss_backward": _graded_box_loss_backward,
}

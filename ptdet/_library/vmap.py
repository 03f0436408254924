"""How torch.func.vmap batches an operator, by its name; the others have no rule.

torch leaves out an argument that has the schema's default, so a rule has the same default.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


# [docs: vmap]
def _last(value: Tensor, dim: int | None, size: int) -> Tensor:
    """The batch as one more spatial dimension: any strides are right, so nothing is copied."""
    return value.unsqueeze(-1).expand(*value.shape, size) if dim is None else value.movedim(dim, -1)


def _channel_norm(info: Any, dims: tuple[int | None, ...], input: Tensor, norm_deg: float = 2.0) -> tuple[Tensor, int]:
    return torch.ops.ptdet.channel_norm(_last(input, dims[0], info.batch_size), norm_deg), -1
    # [docs: end]


def _channel_norm_backward(
    info: Any, dims: tuple[int | None, ...], grad: Tensor, input: Tensor, output: Tensor, norm_deg: float = 2.0
) -> tuple[Tensor, int]:
    tensors = (_last(t, d, info.batch_size) for t, d in zip((grad, input, output), dims, strict=False))
    return torch.ops.ptdet.channel_norm_backward(*tensors, norm_deg), -1


def front(tensor: Tensor, batched: int | None, size: int, place: int = 0) -> Tensor:
    """The batch dimension moved to `place`, or made there without a copy."""
    if batched is not None:
        return tensor.movedim(batched, place)
    shape = list(tensor.shape)
    return tensor.unsqueeze(place).expand(*shape[:place], size, *shape[place:])


def _of_two(name: str) -> Callable[..., tuple[Tensor, int]]:
    """Of an operator on two sets of boxes, whose result has the leading dimensions of both."""

    def rule(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> tuple[Tensor, int]:
        boxes = [front(arguments[i], in_dims[i], info.batch_size) for i in range(2)]
        return getattr(torch.ops.ptdet, name)(*boxes, *arguments[2:]), 0

    return rule


def _pairwise_overlap_backward(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> tuple[Any, Any]:
    tensors = [front(arguments[i], in_dims[i], info.batch_size) for i in range(3)]
    slopes = torch.ops.ptdet.pairwise_overlap_backward(*tensors, *arguments[3:])
    wanted = [*arguments[6:], True, True][:2] if len(arguments) > 6 else [True, True]
    return slopes, tuple(0 if one else None for one in wanted)


def _graded_box_loss(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> tuple[Any, tuple[int, Any]]:
    boxes = [front(arguments[i], in_dims[i], info.batch_size) for i in range(2)]
    value, slopes = torch.ops.ptdet.graded_box_loss(*boxes, *arguments[2:])
    return (value, slopes), (0, _batch_of_slopes(slopes, boxes[0]))


def _batch_of_slopes(slopes: Tensor, boxes: Tensor) -> int | None:
    """Which dimension of (2, *batch, 4), (*batch, 4) or (0,)."""
    return slopes.dim() - boxes.dim() if slopes.dim() > 1 else None


def _graded_box_loss_gradient(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> tuple[Tensor, int | None]:
    grad, *boxes = (front(arguments[i], in_dims[i], info.batch_size) for i in range(3))
    slopes = torch.ops.ptdet.graded_box_loss_gradient(grad, *boxes, *arguments[3:])
    return slopes, _batch_of_slopes(slopes, boxes[0])


def _graded_box_loss_backward(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> tuple[Tensor, int]:
    grad, slopes = arguments
    sides = slopes.dim() - (in_dims[1] is not None) - (grad.dim() - (in_dims[0] is not None)) - 1
    grad = front(grad, in_dims[0], info.batch_size)
    slopes = front(slopes, in_dims[1], info.batch_size, sides).contiguous()
    return torch.ops.ptdet.graded_box_loss_backward(grad, slopes), sides


VMAPS: dict[str, Callable[..., Any]] = {
    **{name: _of_two(name) for name in ("pairwise_overlap", "rotated_pairwise_overlap", "rotated_overlap")},
    "pairwise_overlap_backward": _pairwise_overlap_backward,
    "graded_box_loss": _graded_box_loss,
    "graded_box_loss_backward": _graded_box_loss_backward,
    "graded_box_loss_gradient": _graded_box_loss_gradient,
    "channel_norm": _channel_norm,
    "channel_norm_backward": _channel_norm_backward,
}

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


VMAP_RULES: dict[str, Callable[..., Any]] = {
    "channel_norm": _channel_norm,
    "channel_norm_backward": _channel_norm_backward,
}

"""Fakes of the norms."""

from __future__ import annotations

import torch
from torch import Tensor

from ..checks import check_channel_norm


# [docs: fake]
def channel_norm(input: Tensor, norm_deg: float = 2.0) -> Tensor:
    check_channel_norm(input, norm_deg)
    return input.new_empty((input.shape[0], 1, *input.shape[2:]))


def channel_norm_backward(grad: Tensor, input: Tensor, output: Tensor, norm_deg: float = 2.0) -> Tensor:
    norm = channel_norm(input, norm_deg)
    for name, other in (("grad", grad), ("output", output)):
        if (other.shape, other.dtype, other.device) != (norm.shape, norm.dtype, norm.device):
            raise ValueError(f"{name}: expected the norm's shape, dtype and device, got {tuple(other.shape)}")
    return torch.empty_like(input)
    # [docs: end]

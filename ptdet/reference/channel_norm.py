"""The norm over channels and its gradient, on (B, C, *spatial) of any strides."""

import math

import torch
from torch import Tensor

from .elementary import power
from .overlap import FLOATS, computed


# [docs: reference]
def channel_norm(input: Tensor, norm_deg: float = 2.0) -> Tensor:
    """(sum over c of |x_c|^p)^(1/p), or the largest |x_c| for p = inf, as (B, 1, *spatial) in the input's dtype."""
    _check(input, norm_deg)
    scale, root = _scaled_norm(computed(input), norm_deg)
    return (scale * root).to(input.dtype)


def _scaled_norm(x: Tensor, norm_deg: float) -> tuple[Tensor, Tensor]:
    """scale and root, whose product is the norm: powers of x / scale neither overflow nor vanish all at once."""
    if x.shape[1] == 0:
        zero = x.sum(1, keepdim=True)
        return zero, zero
    largest = x.abs().amax(1, keepdim=True)
    scale = torch.where((largest > 0) & (largest < math.inf), largest, 1.0)
    if norm_deg == math.inf:
        return scale, largest / scale
    share = (x / scale).abs()
    if norm_deg == 1:
        return scale, share.sum(1, keepdim=True)
    if norm_deg == 2:
        return scale, (share * share).sum(1, keepdim=True).sqrt()
    return scale, power(power(share, norm_deg).sum(1, keepdim=True), 1 / norm_deg)
    # [docs: end]


def channel_norm_backward(grad: Tensor, input: Tensor, output: Tensor, norm_deg: float = 2.0) -> Tensor:
    """grad sign(x) (|x| / output)^(p-1) in the layout and dtype of input; 0 where x = 0, so also where output = 0.

    `output` is what channel_norm gave for this input. Where its dtype holds it badly (as inf, or below the smallest
    normal number) the norm is computed again.
    """
    _check(input, norm_deg)
    for name, other in (("grad", grad), ("output", output)):
        if other.shape != input.shape[:1] + (1,) + input.shape[2:] or other.dtype != input.dtype:
            raise ValueError(f"{name}: expected shape and dtype of the norm, got {tuple(other.shape)} {other.dtype}")
    x, g, norm = computed(input), computed(grad), computed(output)
    if norm_deg == 1:
        slope = g * x.sgn()
    elif norm_deg == math.inf:
        share = (x.abs() == norm) | x.isnan()
        slope = torch.where(share, g / share.sum(1, keepdim=True) * x.sgn(), 0.0)
    else:
        scale, root = _scaled_norm(x, norm_deg)
        held = (norm >= torch.finfo(input.dtype).tiny) & (norm < math.inf)
        ratio = torch.where(held, x / norm, x / scale / root)
        if norm_deg == 2:
            slope = torch.where(norm == 0, 0.0, g * ratio)
        else:
            slope = torch.where((norm == 0) | (ratio == 0), 0.0, g * ratio.sgn() * power(ratio.abs(), norm_deg - 1))
    return torch.empty_like(input).copy_(slope)


def _check(input: Tensor, norm_deg: float) -> None:
    if input.dim() < 2:
        raise ValueError(f"input: expected at least 2 dimensions (B, C, ...), got shape {tuple(input.shape)}")
    if input.dtype not in FLOATS:
        raise TypeError(f"input: expected float64, float32, float16 or bfloat16, got {input.dtype}")
    if input.is_nested:
        raise TypeError("input: expected a dense tensor, got a nested tensor")
    if not norm_deg > 0:
        raise ValueError(f"norm_deg: expected a number above 0, got {norm_deg}")

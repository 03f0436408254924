"""An overlap measure whose gradient is right wherever the measure is, for the gradients of the methods."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ... import reference
from ...reference.wide import two_to


def widest(device: torch.device) -> torch.dtype:
    """The type that gradients are computed in; a Mac's GPU has no float64."""
    return torch.float32 if device.type == "mps" else torch.float64


class Overlap(NamedTuple):
    """A measure: as the type of the boxes computes it, not finite where that comes out so, and with its gradient."""

    raw: Tensor
    graded: Tensor


def overlap(a: Tensor, b: Tensor, metric: str, dtype: torch.dtype) -> Overlap:
    """Of widened boxes, which are numbers of `dtype`. No gradient flows where the measure is 0 or not finite."""
    a, b = torch.broadcast_tensors(a, b)
    if a.shape[-1] == 5:
        return Overlap(
            reference.raw_rotated_overlap(a.detach(), b.detach(), metric), torch.ops.ptdet.rotated_overlap(a, b, metric)
        )
    raw = reference.raw_overlap(a.detach().to(dtype), b.detach().to(dtype), metric)
    flows = torch.isfinite(raw) & (raw != 0)
    if dtype == torch.float64:  # no measure depends on the unit, and of some each axis may have its own
        reach = torch.maximum(a.detach().abs(), b.detach().abs())
        reach = torch.maximum(reach[..., :2], reach[..., 2:])
        if metric in ("diou", "ciou"):
            reach = reach.amax(dim=-1, keepdim=True).expand_as(reach)
        unit = towards_one(reach)
        unit = torch.cat([unit, unit], dim=-1)
        a, b = a * unit, b * unit
    somewhere = torch.tensor([0.0, 0.0, 1.0, 1.0], dtype=a.dtype, device=a.device)
    a, b = (torch.where(flows[..., None], box, somewhere) for box in (a, b))
    return Overlap(
        raw, with_slopes(torch.where(flows, raw, 0.0).to(a.dtype), reference.raw_overlap(a, b, metric), flows)
    )


def with_slopes(value: Tensor, slopes: Tensor, where: Tensor | bool = True) -> Tensor:
    """The value, with the gradient of `slopes`."""
    return value + torch.where(torch.isfinite(slopes) & where, slopes - slopes.detach(), 0.0).to(value.dtype)


def towards_one(size: Tensor) -> Tensor:
    """The power of 2 that brings float64 numbers near 1."""
    return two_to(-torch.frexp(size).exponent.to(torch.int64).clamp(-1000, 1000), size.dtype)

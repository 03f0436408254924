"""What the losses ask of their arguments."""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import Tensor

from .._shared.checks import check_at_least, check_positive
from ..reference import parameter
from .checks import check_device
from .overlap_checks import check_boxes

REDUCTIONS = ("none", "mean", "sum")


def check_loss(boxes1: Any, boxes2: Any, reduction: Any, eps: Any) -> None:
    check_boxes("boxes1", boxes1)
    check_boxes("boxes2", boxes2)
    check_device("boxes2", boxes2, boxes1, "boxes1")
    same = boxes1.shape == boxes2.shape
    for ours, theirs in () if same else zip(boxes1.shape[::-1], boxes2.shape[::-1], strict=False):
        if ours != theirs and 1 not in (ours, theirs):
            raise ValueError(
                f"boxes2: expected a shape that broadcasts with {tuple(boxes1.shape)} of boxes1, "
                f"got {tuple(boxes2.shape)}"
            )
    if not isinstance(reduction, str) or reduction not in REDUCTIONS:  # torchvision's message says Invalid, too
        raise ValueError(f"reduction: Invalid value, expected one of {', '.join(REDUCTIONS)}, got {reduction!r}")
    check_at_least("eps", eps)


def squared_diagonal(image_size: Any) -> float:
    """height^2 + width^2 of an image."""
    if not isinstance(image_size, (tuple, list)) or len(image_size) != 2:
        raise TypeError(f"image_size: expected (height, width), got {image_size!r}")
    for side in image_size:
        check_positive("image_size", side)
    height, width = (float(min(side, sys.float_info.max)) for side in image_size)
    return min(height * height + width * width, sys.float_info.max)


def running_mean(mean: Any, boxes: Tensor) -> Tensor:
    """The mean as a tensor without dimensions; a tensor is not read, since that would wait for its device."""
    if isinstance(mean, Tensor):
        if mean.dim() != 0 or not mean.is_floating_point():
            raise ValueError(f"mean: expected a floating tensor of shape (), got {mean.dtype} {tuple(mean.shape)}")
        check_device("mean", mean, boxes, "boxes1")
        return mean.detach()
    if mean is None:
        raise ValueError("mean: expected the running mean of 1 - IoU for this version, got None")
    check_positive("mean", mean)
    mean = parameter(float(mean), torch.float32)
    return torch.tensor(mean, dtype=torch.float64, device="cpu").to(torch.float32).to(boxes.device)

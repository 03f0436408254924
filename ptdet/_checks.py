"""Bad input, said clearly: the argument, what was expected, what came."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor

FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
METRICS = ("iou", "giou", "diou", "ciou", "iof", "ios")


def _tensor(name: str, value: Any) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"{name}: expected a torch.Tensor, got {type(value).__name__}")


def _number(name: str, value: Any) -> None:
    if type(value) is not float and not isinstance(value, (Real, torch.SymFloat)):
        raise TypeError(f"{name}: expected a number, got {type(value).__name__}")
    if value != value:  # math.isnan is more than torch.compile can trace
        raise ValueError(f"{name}: expected a number, got nan")


def check_suppression(
    boxes: Any,
    scores: Any,
    idxs: Any,
    iou_threshold: Any,
    metric: Any,
    score_threshold: Any,
    max_output: Any,
) -> None:
    """What every suppression asks of its arguments."""
    _tensor("boxes", boxes)
    _tensor("scores", scores)
    if boxes.dim() != 2 or boxes.shape[1] != 4:
        raise ValueError(f"boxes: expected shape (N, 4), got {tuple(boxes.shape)}")
    if boxes.dtype not in FLOATS:
        raise TypeError(f"boxes: expected float64, float32, float16 or bfloat16, got {boxes.dtype}")
    if scores.dim() != 1 or scores.shape[0] != boxes.shape[0]:
        raise ValueError(f"scores: expected shape ({boxes.shape[0]},), got {tuple(scores.shape)}")
    if scores.dtype not in FLOATS:
        raise TypeError(f"scores: expected float64, float32, float16 or bfloat16, got {scores.dtype}")
    if scores.device != boxes.device:
        raise ValueError(f"scores: expected device {boxes.device} as of boxes, got {scores.device}")
    if idxs is not None:
        _tensor("idxs", idxs)
        if idxs.dim() != 1 or idxs.shape[0] != boxes.shape[0]:
            raise ValueError(f"idxs: expected shape ({boxes.shape[0]},), got {tuple(idxs.shape)}")
        if idxs.is_complex():
            raise TypeError(f"idxs: expected integers, bools or floats, got {idxs.dtype}")
        if idxs.device != boxes.device:
            raise ValueError(f"idxs: expected device {boxes.device} as of boxes, got {idxs.device}")
    _number("iou_threshold", iou_threshold)
    if metric not in METRICS:
        raise ValueError(f"metric: expected one of {', '.join(METRICS)}, got {metric!r}")
    if score_threshold is not None:
        _number("score_threshold", score_threshold)
    if max_output is not None:
        if not isinstance(max_output, (Integral, torch.SymInt)):
            raise TypeError(f"max_output: expected an integer or None, got {type(max_output).__name__}")
        if max_output < 0:
            raise ValueError(f"max_output: expected None or a number >= 0, got {max_output}")


def check_ids_are_numbers(idxs: Tensor) -> None:
    """Only floating ids can be NaN; on a GPU this waits. Under torch.compile the operator's own check remains."""
    if idxs.is_floating_point() and not torch.compiler.is_compiling() and bool(torch.isnan(idxs).any()):
        raise ValueError("idxs: expected ids that equal themselves, got NaN")


# [docs: checks]
def check_channel_norm(input: Any, norm_deg: Any) -> None:
    """What the norm over channels asks of its arguments."""
    _tensor("input", input)
    if input.dtype not in FLOATS:
        raise TypeError(f"input: expected float64, float32, float16 or bfloat16, got {input.dtype}")
    if input.dim() < 2:
        raise ValueError(f"input: expected at least 2 dimensions (B, C, ...), got shape {tuple(input.shape)}")
    _number("norm_deg", norm_deg)
    if norm_deg <= 0:
        raise ValueError(f"norm_deg: expected a number above 0, got {norm_deg}")
    # [docs: end]

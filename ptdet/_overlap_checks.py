"""What every overlap asks of its boxes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ._checks import METRICS

INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)
LOSSES = (
    *("iou", "giou", "diou", "ciou", "eiou", "focal_eiou", "siou", "alpha_iou", "mpdiou", "inner_iou", "nwd"),
    "wiou_v1",
)
DTYPES = frozenset((torch.float32, torch.float64, torch.float16, torch.bfloat16, *INTEGERS))


def check_boxes(name: str, boxes: Any, least_dims: int = 1) -> None:
    if not isinstance(boxes, Tensor):
        raise TypeError(f"{name}: expected a torch.Tensor, got {type(boxes).__name__}")
    if boxes.dim() < least_dims or boxes.shape[-1] != 4:
        expected = "(..., N, 4)" if least_dims == 2 else "(..., 4)"
        raise ValueError(f"{name}: expected shape {expected}, got {tuple(boxes.shape)}")
    if boxes.dtype not in DTYPES:
        raise TypeError(f"{name}: expected floats, int64, int32, int16, int8 or uint8, got {boxes.dtype}")


def check_two(boxes1: Any, boxes2: Any, kind: Any, kinds: tuple[str, ...] = METRICS, least_dims: int = 1) -> None:
    check_boxes("boxes1", boxes1, least_dims)
    check_boxes("boxes2", boxes2, least_dims)
    if boxes1.device != boxes2.device:
        raise ValueError(f"boxes2: expected device {boxes1.device} as of boxes1, got {boxes2.device}")
    if kind not in kinds:
        raise ValueError(f"kind: expected one of {', '.join(kinds)}, got {kind!r}")


def check_pair(boxes1: Any, boxes2: Any, kind: Any, kinds: tuple[str, ...] = METRICS) -> None:
    """For an operator that goes box by box."""
    check_two(boxes1, boxes2, kind, kinds)
    if boxes1.shape != boxes2.shape:
        raise ValueError(f"boxes2: expected shape {tuple(boxes1.shape)} as of boxes1, got {tuple(boxes2.shape)}")


def check_rows(boxes1: Any, boxes2: Any, kind: Any) -> None:
    """For an operator that meets all rows with all."""
    check_two(boxes1, boxes2, kind, least_dims=2)
    if boxes1.shape[:-2] != boxes2.shape[:-2]:
        raise ValueError(f"boxes2: expected leading dimensions {tuple(boxes1.shape[:-2])}, got {tuple(boxes2.shape)}")


def check_epsilon(eps: Any) -> None:
    if not isinstance(eps, (int, float, torch.SymFloat, torch.SymInt)):
        raise TypeError(f"eps: expected a number, got {type(eps).__name__}")
    if not eps >= 0:
        raise ValueError(f"eps: expected a number >= 0, got {eps}")

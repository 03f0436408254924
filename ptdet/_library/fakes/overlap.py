"""Fakes of the overlaps: shapes follow from the boxes', and results are float64 if a box is, else float32."""

from __future__ import annotations

import torch
from torch import Tensor

from ..._shared.parameters import LOSSES, METRICS
from ..overlap_checks import check_pair, check_rows


def overlap_dtype(boxes1: Tensor, boxes2: Tensor) -> torch.dtype:
    return torch.float64 if torch.float64 in (boxes1.dtype, boxes2.dtype) else torch.float32


def pairwise_overlap(
    boxes1: Tensor, boxes2: Tensor, kind: str = "iou", eps: float = 0.0, joint_eps: float = 0.0
) -> Tensor:
    check_rows(boxes1, boxes2, kind)
    return boxes1.new_empty((*boxes1.shape[:-1], boxes2.shape[-2]), dtype=overlap_dtype(boxes1, boxes2))


def pairwise_overlap_backward(
    grad: Tensor,
    boxes1: Tensor,
    boxes2: Tensor,
    kind: str = "iou",
    eps: float = 0.0,
    joint_eps: float = 0.0,
    wanted1: bool = True,
    wanted2: bool = True,
) -> tuple[Tensor, Tensor]:
    check_rows(boxes1, boxes2, kind)
    return grad.new_empty(boxes1.shape if wanted1 else 0), grad.new_empty(boxes2.shape if wanted2 else 0)


def graded_box_loss(
    boxes1: Tensor,
    boxes2: Tensor,
    kind: str = "iou",
    eps: float = 1e-7,
    joint_eps: float = 1e-7,
    similarity: bool = False,
    slopes1: bool = False,
    slopes2: bool = False,
    power: float = 1.0,
    scale: float = 1.0,
    base: str = "iou",
) -> tuple[Tensor, Tensor]:
    check_pair(boxes1, boxes2, kind, METRICS if similarity else LOSSES)
    value = boxes1.new_empty(boxes1.shape[:-1], dtype=overlap_dtype(boxes1, boxes2))
    return value, value.new_empty(_shape_of_slopes(boxes1, slopes1, slopes2))


def _shape_of_slopes(boxes: Tensor, of_first: bool, of_second: bool) -> tuple[int, ...]:
    return (2, *boxes.shape) if of_first and of_second else tuple(boxes.shape) if of_first or of_second else (0,)


def graded_box_loss_backward(grad: Tensor, slopes: Tensor) -> Tensor:
    return slopes.new_empty(slopes.shape)


def graded_box_loss_gradient(
    grad: Tensor,
    boxes1: Tensor,
    boxes2: Tensor,
    kind: str = "iou",
    eps: float = 1e-7,
    joint_eps: float = 1e-7,
    similarity: bool = False,
    wanted1: bool = True,
    wanted2: bool = True,
    power: float = 1.0,
    scale: float = 1.0,
    base: str = "iou",
) -> Tensor:
    check_pair(boxes1, boxes2, kind, METRICS if similarity else LOSSES)
    return grad.new_empty(_shape_of_slopes(boxes1, wanted1, wanted2))

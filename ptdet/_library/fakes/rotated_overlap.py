"""Fakes of the overlaps of rotated boxes."""

from __future__ import annotations

from torch import Tensor

from ..._shared.parameters import ROTATED_OVERLAPS
from ..overlap_checks import check_pair, check_rows
from .overlap import overlap_dtype


def rotated_pairwise_overlap(boxes1: Tensor, boxes2: Tensor, kind: str = "iou") -> Tensor:
    check_rows(boxes1, boxes2, kind, ROTATED_OVERLAPS, 5)
    return boxes1.new_empty((*boxes1.shape[:-1], boxes2.shape[-2]), dtype=overlap_dtype(boxes1, boxes2))


def rotated_overlap(boxes1: Tensor, boxes2: Tensor, kind: str = "iou") -> Tensor:
    check_pair(boxes1, boxes2, kind, ROTATED_OVERLAPS, 5)
    return boxes1.new_empty(boxes1.shape[:-1], dtype=overlap_dtype(boxes1, boxes2))


def rotated_overlap_backward(
    grad: Tensor, boxes1: Tensor, boxes2: Tensor, kind: str = "iou", wanted1: bool = True, wanted2: bool = True
) -> tuple[Tensor, Tensor]:
    check_pair(boxes1, boxes2, kind, ROTATED_OVERLAPS, 5)
    return grad.new_empty(boxes1.shape if wanted1 else 0), grad.new_empty(boxes2.shape if wanted2 else 0)

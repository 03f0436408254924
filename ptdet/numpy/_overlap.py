"""Overlaps of all pairs of two sets of boxes, for arrays. docs/SPEC.md, section 2, has the formulas."""

from __future__ import annotations

from .._shared.arrays import Array
from ._native import native


def pairwise_overlap(boxes1: Array, boxes2: Array, kind: str = "iou", *, eps: float = 0.0) -> Array:
    """The overlap of each box of one set with each of another. As `ptdet.pairwise_overlap`.

    Args:
        boxes1: (N, 4) x1, y1, x2, y2 in any unit, floats or integers.
        boxes2: (M, 4).
        kind: as `metric` of `ptdet.nms`; the first box is the candidate.
        eps: added to the denominators of the penalties of giou, diou and ciou.

    Returns:
        (N, M): float64 if a set is, else float32; finite whatever the boxes, 0 for 0/0.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import numpy as np, ptdet.numpy
    >>> ptdet.numpy.pairwise_overlap(np.array([[0., 0., 2., 2.]]), np.array([[0., 0., 2., 1.], [0., 0., 1., 1.]]))
    array([[0.5 , 0.25]])
    """
    overlaps: Array = native.pairwise_overlap(boxes1, boxes2, kind, eps)
    return overlaps


def box_iou(boxes1: Array, boxes2: Array) -> Array:
    """Pairwise intersection over union: `pairwise_overlap` of kind iou."""
    return pairwise_overlap(boxes1, boxes2)


def generalized_box_iou(boxes1: Array, boxes2: Array) -> Array:
    """Pairwise GIoU: `pairwise_overlap` of kind giou."""
    return pairwise_overlap(boxes1, boxes2, "giou")


def distance_box_iou(boxes1: Array, boxes2: Array, eps: float = 1e-7) -> Array:
    """Pairwise DIoU: `pairwise_overlap` of kind diou."""
    return pairwise_overlap(boxes1, boxes2, "diou", eps=eps)


def complete_box_iou(boxes1: Array, boxes2: Array, eps: float = 1e-7) -> Array:
    """Pairwise CIoU: `pairwise_overlap` of kind ciou."""
    return pairwise_overlap(boxes1, boxes2, "ciou", eps=eps)


def box_iof(boxes1: Array, boxes2: Array) -> Array:
    """Pairwise share of the first box that is covered: `pairwise_overlap` of kind iof."""
    return pairwise_overlap(boxes1, boxes2, "iof")


def box_ios(boxes1: Array, boxes2: Array) -> Array:
    """Pairwise share of the smaller box that is covered: `pairwise_overlap` of kind ios."""
    return pairwise_overlap(boxes1, boxes2, "ios")

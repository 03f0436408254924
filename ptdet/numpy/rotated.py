"""`ptdet.rotated` for arrays: boxes (N, 5) cx, cy, w, h, angle in radians from +x to +y. Needs no torch."""

from __future__ import annotations

from .._shared.arrays import Array, Indices
from ._native import native

__all__ = ["batched_nms", "box_iou", "nms", "pairwise_overlap"]


def pairwise_overlap(boxes1: Array, boxes2: Array, kind: str = "iou") -> Array:
    """The overlap of each rotated box of one set with each of another. As `ptdet.rotated.pairwise_overlap`.

    Args:
        boxes1: (N, 5), floats or integers.
        boxes2: (M, 5).
        kind: iou, iof (share of the first box that is covered) or ios (of the smaller box).

    Returns:
        (N, M) in [0, 1]: float64 if a set is, else float32.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import numpy as np, ptdet.numpy
    >>> ptdet.numpy.rotated.box_iou(np.array([[5., 5., 4., 2., 0.3]]), np.array([[5., 5., 4., 1., 0.3]]))
    array([[0.5]])
    """
    overlaps: Array = native.rotated_pairwise_overlap(boxes1, boxes2, kind)
    return overlaps


def box_iou(boxes1: Array, boxes2: Array) -> Array:
    """Pairwise intersection over union: `pairwise_overlap` of kind iou."""
    return pairwise_overlap(boxes1, boxes2)


def nms(
    boxes: Array,
    scores: Array,
    iou_threshold: float,
    *,
    score_threshold: float | None = None,
    max_output: int | None = None,
    metric: str = "iou",
    inclusive: bool = False,
    return_owner: bool = False,
) -> Indices | tuple[Indices, Indices]:
    """`ptdet.rotated.nms` for arrays: boxes (N, 5), scores (N,); keep (K,) int64, or keep and owner (N,)."""
    found: Indices | tuple[Indices, Indices] = native.rotated_nms(
        boxes, scores, None, iou_threshold, metric, inclusive, score_threshold, max_output, return_owner
    )
    return found


def batched_nms(
    boxes: Array,
    scores: Array,
    idxs: Array,
    iou_threshold: float,
    *,
    score_threshold: float | None = None,
    max_output: int | None = None,
    metric: str = "iou",
    inclusive: bool = False,
    return_owner: bool = False,
) -> Indices | tuple[Indices, Indices]:
    """`nms` within each class: only boxes of equal `idxs` (N,) meet."""
    if idxs is None:
        raise TypeError("idxs: expected a numpy.ndarray, got None")
    found: Indices | tuple[Indices, Indices] = native.rotated_nms(
        boxes, scores, idxs, iou_threshold, metric, inclusive, score_threshold, max_output, return_owner
    )
    return found

"""`ptdet.rotated` for arrays: boxes (N, 5) cx, cy, w, h, angle in radians from +x to +y. Needs no torch."""

from __future__ import annotations

from .._shared.arrays import Array, Indices
from .._shared.shapes import of_rotated
from . import _box_fusion, _matrix_nms, _merge_nms, _nmm, _nms_variants, _soft_nms
from ._native import native

or_nms = of_rotated(_nms_variants.or_nms, "ptdet.numpy", __name__)
diou_nms = of_rotated(_nms_variants.diou_nms, "ptdet.numpy", __name__)
and_nms = of_rotated(_nms_variants.and_nms, "ptdet.numpy", __name__)
adaptive_nms = of_rotated(_nms_variants.adaptive_nms, "ptdet.numpy", __name__)
soft_nms = of_rotated(_soft_nms.soft_nms, "ptdet.numpy", __name__)
fast_nms = of_rotated(_matrix_nms.fast_nms, "ptdet.numpy", __name__)
matrix_nms = of_rotated(_matrix_nms.matrix_nms, "ptdet.numpy", __name__)
merge_nms = of_rotated(_merge_nms.merge_nms, "ptdet.numpy", __name__)
cluster_nms = of_rotated(_merge_nms.cluster_nms, "ptdet.numpy", __name__)
greedy_nmm = of_rotated(_nmm.greedy_nmm, "ptdet.numpy", __name__)
nmm = of_rotated(_nmm.nmm, "ptdet.numpy", __name__)
weighted_boxes_fusion = of_rotated(_box_fusion.weighted_boxes_fusion, "ptdet.numpy", __name__)
non_maximum_weighted = of_rotated(_box_fusion.non_maximum_weighted, "ptdet.numpy", __name__)

__all__ = [
    "adaptive_nms",
    "and_nms",
    "batched_nms",
    "box_iou",
    "cluster_nms",
    "diou_nms",
    "distance_box_iou",
    "fast_nms",
    "generalized_box_iou",
    "greedy_nmm",
    "kfiou",
    "matrix_nms",
    "merge_nms",
    "nmm",
    "nms",
    "non_maximum_weighted",
    "or_nms",
    "pairwise_overlap",
    "probiou",
    "soft_nms",
    "weighted_boxes_fusion",
]


def pairwise_overlap(boxes1: Array, boxes2: Array, kind: str = "iou") -> Array:
    """The overlap of each rotated box of one set with each of another. As `ptdet.rotated.pairwise_overlap`.

    Args:
        boxes1: (N, 5), floats or integers.
        boxes2: (M, 5).
        kind: a measure of `ptdet.rotated.pairwise_overlap`, whose `enclosing` is the convex hull here.

    Returns:
        (N, M) in [0, 1] (giou, diou: above -1): float64 if a set is, else float32.

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


def generalized_box_iou(boxes1: Array, boxes2: Array) -> Array:
    """Pairwise GIoU by the convex hull: `pairwise_overlap` of kind giou."""
    return pairwise_overlap(boxes1, boxes2, "giou")


def distance_box_iou(boxes1: Array, boxes2: Array) -> Array:
    """Pairwise DIoU by the convex hull: `pairwise_overlap` of kind diou."""
    return pairwise_overlap(boxes1, boxes2, "diou")


def probiou(boxes1: Array, boxes2: Array) -> Array:
    """Pairwise ProbIoU: `pairwise_overlap` of kind probiou."""
    return pairwise_overlap(boxes1, boxes2, "probiou")


def kfiou(boxes1: Array, boxes2: Array) -> Array:
    """Pairwise KFIoU: `pairwise_overlap` of kind kfiou."""
    return pairwise_overlap(boxes1, boxes2, "kfiou")


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
        boxes, scores, None, iou_threshold, metric, inclusive, score_threshold, max_output, return_owner, None
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
        boxes, scores, idxs, iou_threshold, metric, inclusive, score_threshold, max_output, return_owner, None
    )
    return found

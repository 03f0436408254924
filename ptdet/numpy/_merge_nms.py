"""NMS that merges boxes, for arrays."""

from __future__ import annotations

from .._shared.arrays import Array
from .._shared.checks import check_flag, check_number, one_of
from .._shared.parameters import METRICS, ROTATED_METRICS
from .._shared.shapes import unwrapped
from ._native import kernel


def merge_nms(
    boxes: Array,
    scores: Array,
    iou_threshold: float,
    idxs: Array | None = None,
    *,
    members: str = "cluster",
    weights: str = "score",
    score_threshold: float | None = None,
    max_output: int | None = None,
    metric: str = "iou",
    inclusive: bool = False,
    return_owner: bool = False,
) -> tuple[Array, ...]:
    """Suppression in which a kept box becomes the weighted mean of its cluster. As `ptdet.merge_nms`.

    Returns:
        boxes (K, 4) of the input's dtype, keep (K,) int64 and, if asked for, owner (N,) int64.

    >>> import numpy as np, ptdet.numpy
    >>> boxes = np.array([[0., 0., 10., 10.], [1., 0., 11., 10.]])
    >>> ptdet.numpy.merge_nms(boxes, np.array([.75, .25]), 0.5)
    (array([[ 0.25,  0.  , 10.25, 10.  ]]), array([0]))
    """
    options = (iou_threshold, metric, inclusive, score_threshold, max_output, return_owner)
    found: tuple[Array, ...] = kernel("merge_nms", boxes)(scores, idxs, *options, members, weights)
    return found


def cluster_nms(
    boxes: Array,
    scores: Array,
    iou_threshold: float,
    idxs: Array | None = None,
    *,
    weighted: bool = False,
    metric: str = "iou",
    beta: float = 1.0,
    score_threshold: float | None = None,
    max_output: int | None = None,
    inclusive: bool = False,
    return_owner: bool = False,
) -> tuple[Array, ...]:
    """Cluster-NMS at its fixpoint. As `ptdet.cluster_nms`.

    Returns:
        boxes (K, 4) of the input's dtype, keep (K,) int64 and, if asked for, owner (N,) int64.

    >>> import numpy as np, ptdet.numpy
    >>> boxes = np.array([[0., 0., 10., 10.], [0., 0., 10., 6.]])
    >>> ptdet.numpy.cluster_nms(boxes, np.array([.9, .8]), 0.5)
    (array([[ 0.,  0., 10., 10.]]), array([0]))
    """
    check_flag("weighted", weighted)
    given, rotated = unwrapped(boxes)
    one_of("metric", metric, ROTATED_METRICS if rotated else METRICS)
    check_number("beta", beta)
    if beta != 1 and (weighted or metric != "diou"):
        raise ValueError(f"beta: expected 1 but for the plain form with metric 'diou', got {beta}")
    options = (iou_threshold, metric, inclusive, score_threshold, max_output, return_owner)
    if weighted:
        merged: tuple[Array, ...] = kernel("merge_nms", boxes)(scores, idxs, *options, "later", "score_overlap")
        return merged
    found = kernel("nms", boxes)(scores, idxs, *options, beta)
    keep, *owner = found if return_owner else (found,)
    return given[keep].astype(given.dtype.newbyteorder("="), copy=False), keep, *owner

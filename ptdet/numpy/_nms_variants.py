"""The other suppressions of arrays: as the functions of the same names for tensors."""

from __future__ import annotations

from typing import Literal, overload

from .._shared.checks import check_flag, check_number, one_of
from .._shared.parameters import METRICS
from ..compat import soft_profile
from ._native import native
from ._nms import in_pixels
from ._types import Array, Indices


@overload
def or_nms(
    boxes: Array,
    scores: Array,
    iou_threshold: float,
    idxs: Array | None = ...,
    *,
    score_threshold: float | None = ...,
    max_output: int | None = ...,
    metric: str = ...,
    inclusive: bool = ...,
    return_owner: Literal[False] = ...,
) -> Indices: ...
@overload
def or_nms(
    boxes: Array,
    scores: Array,
    iou_threshold: float,
    idxs: Array | None = ...,
    *,
    score_threshold: float | None = ...,
    max_output: int | None = ...,
    metric: str = ...,
    inclusive: bool = ...,
    return_owner: Literal[True],
) -> tuple[Indices, Indices]: ...
def or_nms(
    boxes: Array,
    scores: Array,
    iou_threshold: float,
    idxs: Array | None = None,
    *,
    score_threshold: float | None = None,
    max_output: int | None = None,
    metric: str = "iou",
    inclusive: bool = True,
    return_owner: bool = False,
) -> Indices | tuple[Indices, Indices]:
    """YOLOv3's `or`: hard suppression that removes at overlap >= iou_threshold. As `ptdet.or_nms`.

    >>> import numpy as np, ptdet.numpy
    >>> boxes = np.array([[0., 0., 10., 10.], [0., 0., 10., 5.]])
    >>> ptdet.numpy.or_nms(boxes, np.array([.9, .8]), 0.5)
    array([0])
    """
    options = (iou_threshold, metric, inclusive, score_threshold, max_output, return_owner)
    found: Indices | tuple[Indices, Indices] = native.nms(boxes, scores, idxs, *options, None)
    return found


@overload
def diou_nms(
    boxes: Array,
    scores: Array,
    iou_threshold: float,
    idxs: Array | None = ...,
    *,
    beta: float = ...,
    score_threshold: float | None = ...,
    max_output: int | None = ...,
    inclusive: bool = ...,
    return_owner: Literal[False] = ...,
) -> Indices: ...
@overload
def diou_nms(
    boxes: Array,
    scores: Array,
    iou_threshold: float,
    idxs: Array | None = ...,
    *,
    beta: float = ...,
    score_threshold: float | None = ...,
    max_output: int | None = ...,
    inclusive: bool = ...,
    return_owner: Literal[True],
) -> tuple[Indices, Indices]: ...
def diou_nms(
    boxes: Array,
    scores: Array,
    iou_threshold: float,
    idxs: Array | None = None,
    *,
    beta: float = 1.0,
    score_threshold: float | None = None,
    max_output: int | None = None,
    inclusive: bool = False,
    return_owner: bool = False,
) -> Indices | tuple[Indices, Indices]:
    """Hard suppression by `IoU - (rho^2 / c^2)^beta`. As `ptdet.diou_nms`.

    >>> import numpy as np, ptdet.numpy
    >>> boxes = np.array([[0., 0., 10., 10.], [4., 0., 14., 10.]])
    >>> ptdet.numpy.diou_nms(boxes, np.array([.9, .8]), 0.4)
    array([0, 1])
    """
    if beta is None:  # which stands for no power in the call below
        raise TypeError("beta: expected a number, got NoneType")
    options = (iou_threshold, "diou", inclusive, score_threshold, max_output, return_owner)
    found: Indices | tuple[Indices, Indices] = native.nms(boxes, scores, idxs, *options, beta)
    return found


@overload
def and_nms(
    boxes: Array,
    scores: Array,
    iou_threshold: float,
    idxs: Array | None = ...,
    *,
    overlap_threshold: float = ...,
    score_threshold: float | None = ...,
    max_output: int | None = ...,
    metric: str = ...,
    inclusive: bool = ...,
    return_owner: Literal[False] = ...,
) -> Indices: ...
@overload
def and_nms(
    boxes: Array,
    scores: Array,
    iou_threshold: float,
    idxs: Array | None = ...,
    *,
    overlap_threshold: float = ...,
    score_threshold: float | None = ...,
    max_output: int | None = ...,
    metric: str = ...,
    inclusive: bool = ...,
    return_owner: Literal[True],
) -> tuple[Indices, Indices]: ...
def and_nms(
    boxes: Array,
    scores: Array,
    iou_threshold: float,
    idxs: Array | None = None,
    *,
    overlap_threshold: float = 0.5,
    score_threshold: float | None = None,
    max_output: int | None = None,
    metric: str = "iou",
    inclusive: bool = True,
    return_owner: bool = False,
) -> Indices | tuple[Indices, Indices]:
    """YOLOv3's `and`: a selected box stays only if a box then alive overlaps it by more than `overlap_threshold`.

    As `ptdet.and_nms`.

    >>> import numpy as np, ptdet.numpy
    >>> boxes = np.array([[0., 0., 10., 10.], [1., 0., 11., 10.], [20., 0., 30., 10.]])
    >>> ptdet.numpy.and_nms(boxes, np.array([.8, .9, .7]), 0.5)
    array([1])
    """
    options = (iou_threshold, metric, inclusive, score_threshold, max_output, return_owner)
    found: Indices | tuple[Indices, Indices] = native.and_nms(boxes, scores, idxs, *options, overlap_threshold)
    return found


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
    found: tuple[Array, ...] = native.merge_nms(boxes, scores, idxs, *options, members, weights)
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
    one_of("metric", metric, METRICS)
    check_number("beta", beta)
    if beta != 1 and (weighted or metric != "diou"):
        raise ValueError(f"beta: expected 1 but for the plain form with metric 'diou', got {beta}")
    options = (iou_threshold, metric, inclusive, score_threshold, max_output, return_owner)
    if weighted:
        merged: tuple[Array, ...] = native.merge_nms(boxes, scores, idxs, *options, "later", "score_overlap")
        return merged
    found = native.nms(boxes, scores, idxs, *options, beta)
    keep, *owner = found if return_owner else (found,)
    return boxes[keep].astype(boxes.dtype.newbyteorder("="), copy=False), keep, *owner


def soft_nms(
    boxes: Array,
    scores: Array,
    iou_threshold: float = 0.3,
    idxs: Array | None = None,
    *,
    sigma: float = 0.5,
    min_score: float = 0.001,
    kind: str = "gaussian",
    reselect: bool = True,
    score_threshold: float | None = None,
    max_output: int | None = None,
    metric: str = "iou",
    inclusive: bool = False,
    return_owner: bool = False,
    compat: str | None = None,
) -> tuple[Array, ...]:
    """Soft-NMS: a selected box multiplies the scores after it by a decay in their overlap. As `ptdet.soft_nms`.

    Returns:
        scores (K,) of the input's dtype, keep (K,) int64 and, if asked for, owner (N,) int64.

    >>> import numpy as np, ptdet.numpy
    >>> boxes = np.array([[0., 0., 10., 10.], [2., 0., 12., 10.], [6., 0., 16., 10.]])
    >>> scores, keep = ptdet.numpy.soft_nms(boxes, np.array([.9, .85, .8]))
    >>> scores.round(4), keep
    (array([0.9  , 0.706, 0.242]), array([0, 2, 1]))
    """
    if compat is not None:
        profile = soft_profile(compat, inclusive, reselect)
        check_number("sigma", sigma)
        check_number("min_score", min_score)
        boxes = in_pixels(boxes) if profile.offset else boxes
        sigma, min_score = profile.sigma_factor * sigma, profile.least(min_score)
        inclusive, reselect = profile.soft_inclusive, profile.reselect
    options = (iou_threshold, metric, inclusive, score_threshold, max_output, return_owner)
    found: tuple[Array, ...] = native.soft_nms(boxes, scores, idxs, *options, sigma, min_score, kind, reselect)
    return found

"""Fast NMS and Matrix NMS for arrays."""

from __future__ import annotations

from typing import Literal, overload

from .._shared.arrays import Array, Indices
from ._native import kernel


@overload
def fast_nms(
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
def fast_nms(
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
def fast_nms(
    boxes: Array,
    scores: Array,
    iou_threshold: float,
    idxs: Array | None = None,
    *,
    score_threshold: float | None = None,
    max_output: int | None = None,
    metric: str = "iou",
    inclusive: bool = False,
    return_owner: bool = False,
) -> Indices | tuple[Indices, Indices]:
    """Fast NMS: a box is removed if any better box overlaps it enough, even a removed one. As `ptdet.fast_nms`.

    >>> import numpy as np, ptdet.numpy
    >>> boxes = np.array([[0., 0., 10., 10.], [0., 3., 10., 13.], [0., 6., 10., 16.]])
    >>> ptdet.numpy.fast_nms(boxes, np.array([.9, .8, .7]), 0.5)
    array([0])
    """
    options = (iou_threshold, metric, inclusive, score_threshold, max_output, return_owner)
    found: Indices | tuple[Indices, Indices] = kernel("fast_nms", boxes)(scores, idxs, *options)
    return found


def matrix_nms(
    boxes: Array,
    scores: Array,
    idxs: Array | None = None,
    *,
    kind: str = "gaussian",
    sigma: float = 2.0,
    min_score: float = 0.001,
    score_threshold: float | None = None,
    max_output: int | None = None,
    metric: str = "iou",
    return_owner: bool = False,
) -> tuple[Array, ...]:
    """Matrix NMS: a score decays by the better box that weighs most on it. As `ptdet.matrix_nms`.

    Returns:
        scores (K,) of the input's dtype, keep (K,) int64 and, if asked for, owner (N,) int64.

    >>> import numpy as np, ptdet.numpy
    >>> boxes = np.array([[0., 0., 10., 10.], [0., 0., 10., 5.], [20., 0., 30., 10.]])
    >>> ptdet.numpy.matrix_nms(boxes, np.array([.9, .8, .7]), kind="linear")
    (array([0.9, 0.7, 0.4]), array([0, 2, 1]))
    """
    options = (metric, score_threshold, max_output, return_owner, sigma, min_score, kind)
    found: tuple[Array, ...] = kernel("matrix_nms", boxes)(scores, idxs, *options)
    return found

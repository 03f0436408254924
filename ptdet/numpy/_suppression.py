"""Hard non-maximum suppression of arrays."""

from __future__ import annotations

from typing import Literal, overload

from ._native import native
from ._types import Array, Indices

_NMS = native.nms


@overload
def nms(
    boxes: Array,
    scores: Array,
    iou_threshold: float,
    *,
    score_threshold: float | None = ...,
    max_output: int | None = ...,
    metric: str = ...,
    inclusive: bool = ...,
    return_owner: Literal[False] = ...,
) -> Indices: ...
@overload
def nms(
    boxes: Array,
    scores: Array,
    iou_threshold: float,
    *,
    score_threshold: float | None = ...,
    max_output: int | None = ...,
    metric: str = ...,
    inclusive: bool = ...,
    return_owner: Literal[True],
) -> tuple[Indices, Indices]: ...
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
    """Greedy non-maximum suppression: `ptdet.nms` for arrays.

    A box is removed if its overlap with a kept box is above `iou_threshold` (at or above it if `inclusive`).

    Args:
        boxes: (N, 4) x1, y1, x2, y2 in any unit.
        scores: (N,). NaN scores come first.
        iou_threshold: any number but NaN.
        score_threshold: only boxes with a score above it take part.
        max_output: keep at most so many, the best.
        metric: the overlap: iou, giou, diou, ciou, iof (share of the candidate that is covered) or ios.
        inclusive: remove at overlap == iou_threshold too.
        return_owner: also say which kept box removed each box.

    Returns:
        keep (K,) int64: kept indices by decreasing score, ties to the lower index.
        owner (N,) int64, if asked for: the first kept box that removed i, i itself if kept, else -1.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import numpy as np, ptdet.numpy
    >>> boxes = np.array([[0., 0., 10., 10.], [1., 0., 11., 10.], [20., 0., 30., 10.]])
    >>> ptdet.numpy.nms(boxes, np.array([.8, .9, .7]), 0.5)
    array([1, 2])
    """
    found: Indices | tuple[Indices, Indices] = _NMS(
        boxes, scores, None, iou_threshold, metric, inclusive, score_threshold, max_output, return_owner, None
    )
    return found


@overload
def batched_nms(
    boxes: Array,
    scores: Array,
    idxs: Array,
    iou_threshold: float,
    *,
    score_threshold: float | None = ...,
    max_output: int | None = ...,
    metric: str = ...,
    inclusive: bool = ...,
    return_owner: Literal[False] = ...,
) -> Indices: ...
@overload
def batched_nms(
    boxes: Array,
    scores: Array,
    idxs: Array,
    iou_threshold: float,
    *,
    score_threshold: float | None = ...,
    max_output: int | None = ...,
    metric: str = ...,
    inclusive: bool = ...,
    return_owner: Literal[True],
) -> tuple[Indices, Indices]: ...
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
    """`nms` within each class: only boxes of equal `idxs` meet, in one pass over all classes.

    Args:
        idxs: (N,) class of each box: any integer, bool or floating dtype, any values but NaN.

    The other arguments, what is returned, what raises and the rule for ties are those of `nms`.
    """
    if idxs is None:
        raise TypeError("idxs: expected a numpy.ndarray, got None")
    found: Indices | tuple[Indices, Indices] = _NMS(
        boxes, scores, idxs, iou_threshold, metric, inclusive, score_threshold, max_output, return_owner, None
    )
    return found

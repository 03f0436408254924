"""The variants of hard NMS that keep boxes as they are, for arrays."""

from __future__ import annotations

from typing import Literal, overload

from .._shared.arrays import Array, Indices
from ._native import kernel

__all__ = ["adaptive_nms", "and_nms", "diou_nms", "or_nms"]


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
    found: Indices | tuple[Indices, Indices] = kernel("nms", boxes)(scores, idxs, *options, None)
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
    found: Indices | tuple[Indices, Indices] = kernel("nms", boxes)(scores, idxs, *options, beta)
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
    found: Indices | tuple[Indices, Indices] = kernel("and_nms", boxes)(scores, idxs, *options, overlap_threshold)
    return found


@overload
def adaptive_nms(
    boxes: Array,
    scores: Array,
    densities: Array,
    iou_threshold: float = ...,
    idxs: Array | None = ...,
    *,
    score_threshold: float | None = ...,
    max_output: int | None = ...,
    metric: str = ...,
    inclusive: bool = ...,
    return_owner: Literal[False] = ...,
) -> Indices: ...
@overload
def adaptive_nms(
    boxes: Array,
    scores: Array,
    densities: Array,
    iou_threshold: float = ...,
    idxs: Array | None = ...,
    *,
    score_threshold: float | None = ...,
    max_output: int | None = ...,
    metric: str = ...,
    inclusive: bool = ...,
    return_owner: Literal[True],
) -> tuple[Indices, Indices]: ...
def adaptive_nms(
    boxes: Array,
    scores: Array,
    densities: Array,
    iou_threshold: float = 0.5,
    idxs: Array | None = None,
    *,
    score_threshold: float | None = None,
    max_output: int | None = None,
    metric: str = "iou",
    inclusive: bool = False,
    return_owner: bool = False,
) -> Indices | tuple[Indices, Indices]:
    """Hard suppression above max(iou_threshold, density of the kept box). As `ptdet.adaptive_nms`.

    >>> import numpy as np, ptdet.numpy
    >>> boxes = np.array([[0., 0., 10., 10.], [0., 2., 10., 12.]])
    >>> ptdet.numpy.adaptive_nms(boxes, np.array([.9, .8]), np.array([.7, 0.]))
    array([0, 1])
    """
    options = (iou_threshold, metric, inclusive, score_threshold, max_output, return_owner)
    found: Indices | tuple[Indices, Indices] = kernel("adaptive_nms", boxes)(scores, idxs, densities, *options)
    return found

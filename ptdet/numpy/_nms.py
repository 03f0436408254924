"""Hard non-maximum suppression of arrays."""

from __future__ import annotations

from typing import Literal, overload

import numpy as np

from .._shared.arrays import Array, Indices, is_floating
from ..compat import Profile, hard_profile, refuse_corners
from ._native import native

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
    compat: str | None = ...,
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
    compat: str | None = ...,
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
    compat: str | None = None,
) -> Indices | tuple[Indices, Indices]:
    """Greedy non-maximum suppression: `ptdet.nms` for arrays.

    A box is removed if its overlap with a kept box is above `iou_threshold` (at or above it if `inclusive`).

    Args:
        boxes: (N, 4) x1, y1, x2, y2 in any unit.
        scores: (N,). NaN scores come first.
        iou_threshold: any number but NaN.
        score_threshold: only boxes with a score above it take part.
        max_output: keep at most so many, the best.
        metric: the overlap, as in `ptdet.nms`.
        inclusive: remove at overlap == iou_threshold too.
        return_owner: also say which kept box removed each box.
        compat: do as this package does where packages differ silently (docs/switching.md): torchvision, yolov3, yolov5,
            mmcv, mmcv_offset_1, tensorflow, onnx or opencv. It settles `inclusive`; with tensorflow and onnx boxes may
            be given by any two opposite corners.

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
    if compat is not None:
        boxes, inclusive, _ = _settled(compat, boxes, inclusive)
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
    compat: str | None = ...,
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
    compat: str | None = ...,
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
    compat: str | None = None,
) -> Indices | tuple[Indices, Indices]:
    """`nms` within each class: only boxes of equal `idxs` meet, in one pass over all classes.

    Args:
        boxes: as in `nms`. One without elements keeps nothing, and the other arguments are not looked at.
        idxs: (N,) class of each box: any integer, bool or floating dtype, any values but NaN.

    The other arguments, what is returned, what raises and the rule for ties are those of `nms`. With `compat="onnx"`
    kept boxes come class after class.
    """
    by_class = False
    try:
        if idxs is None:
            raise TypeError("idxs: expected a numpy.ndarray, got None")
        if compat is not None:
            boxes, inclusive, by_class = _settled(compat, boxes, inclusive)
        found: Indices | tuple[Indices, Indices] = _NMS(
            boxes, scores, idxs, iou_threshold, metric, inclusive, score_threshold, max_output, return_owner, None
        )
    except (TypeError, ValueError):
        if isinstance(boxes, np.ndarray) and boxes.size == 0:
            nothing = np.empty(0, dtype=np.int64)
            return (nothing, nothing.copy()) if return_owner is True else nothing
        raise
    return _class_after_class(found, idxs) if by_class else found


def _settled(compat: str, boxes: Array, inclusive: bool) -> tuple[Array, bool, bool]:
    """Boxes and `inclusive` as the package takes them, and whether it lists the kept class after class."""
    profile = hard_profile(compat, inclusive)
    return as_given(boxes, profile), profile.inclusive, profile.by_class


def _class_after_class(found: Indices | tuple[Indices, Indices], idxs: Array) -> Indices | tuple[Indices, Indices]:
    keep, *owner = found if isinstance(found, tuple) else (found,)
    keep = keep[np.argsort(idxs[keep], kind="stable")]
    return (keep, owner[0]) if owner else keep


def as_given(boxes: Array, profile: Profile) -> Array:
    """x1, y1, x2, y2 of boxes that are written as the package of this profile writes them."""
    if not (profile.offset or profile.any_corners):
        return boxes
    refuse_corners(boxes)
    if not isinstance(boxes, np.ndarray) or boxes.shape[-1:] != (4,) or not is_floating(boxes.dtype):
        return boxes  # is refused by whoever asked
    if profile.offset:  # x2, y2 is the last pixel; in a type that can hold the one after it
        held = boxes.astype(np.float32) if boxes.dtype.itemsize == 2 else boxes
        return held + np.array([0, 0, 1, 1], held.dtype)
    first, last = boxes[..., :2], boxes[..., 2:]
    return np.concatenate([np.minimum(first, last), np.maximum(first, last)], -1)

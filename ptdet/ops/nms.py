"""Hard non-maximum suppression."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, overload

import torch
from torch import Tensor

from .._library.arguments import explain
from .._library.checks import UNEXPLAINED, check_ids_are_numbers, settled_limit
from .._library.register import operator
from .._shared.shapes import Rotated
from ..compat import hard_profile
from ._results import as_given, by_image, cut_owned

RAGGED_GROUPS = operator("ragged_groups")


def hard_runner(name: str) -> Callable[..., Tensor | tuple[Tensor, Tensor]]:
    """Hard suppression by the operators of a shape of box: `name` gives keep, `name`_walk keep and owner."""
    of_keep, of_owner = operator(name), operator(f"{name}_walk")

    def run(
        boxes: Tensor,
        scores: Tensor,
        idxs: Tensor | None,
        iou_threshold: float,
        metric: str,
        inclusive: bool,
        score_threshold: float | None,
        max_output: int | None,
        return_owner: bool,
    ) -> Tensor | tuple[Tensor, Tensor]:
        if not (max_output is None and inclusive is False and return_owner is False):
            max_output = settled_limit(max_output, inclusive, return_owner)
        arguments = (boxes, scores, idxs, iou_threshold, metric, inclusive, score_threshold, max_output)
        try:
            if not return_owner:
                kept: Tensor = of_keep(*arguments)
                return kept
            if boxes.device.type == "cpu":
                return cut_owned(of_owner(*arguments))
            keep, owner, _ = of_owner(*arguments)
            if idxs is not None:
                check_ids_are_numbers(idxs)
            return keep[keep >= 0], owner
        except UNEXPLAINED:
            # The operator refuses what is wrong; this says it with the argument's name. After the call, because before
            # it the questions take a fifth of the time of a small NMS.
            explain(name, *arguments)
            raise

    return run


run_hard, run_rotated = hard_runner("nms"), hard_runner("rotated_nms")


def run_hard_of(boxes: Tensor | Rotated, *rest: Any) -> Tensor | tuple[Tensor, Tensor]:
    """Of either shape of box."""
    return run_rotated(boxes.boxes, *rest) if type(boxes) is Rotated else run_hard(boxes, *rest)


@overload
def nms(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float,
    *,
    score_threshold: float | None = ...,
    max_output: int | None = ...,
    metric: str = ...,
    inclusive: bool = ...,
    return_owner: Literal[False] = ...,
    compat: str | None = ...,
) -> Tensor: ...
@overload
def nms(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float,
    *,
    score_threshold: float | None = ...,
    max_output: int | None = ...,
    metric: str = ...,
    inclusive: bool = ...,
    return_owner: Literal[True],
    compat: str | None = ...,
) -> tuple[Tensor, Tensor]: ...
def nms(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float,
    *,
    score_threshold: float | None = None,
    max_output: int | None = None,
    metric: str = "iou",
    inclusive: bool = False,
    return_owner: bool = False,
    compat: str | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """Greedy non-maximum suppression: selects boxes by decreasing score and removes those that overlap a kept one.

    A box is removed if its overlap with a kept box is above `iou_threshold` (at or above it if `inclusive`).

    Args:
        boxes: (N, 4) x1, y1, x2, y2 in any unit; float64, float32, float16 or bfloat16, any strides.
        scores: (N,) in any of these dtypes. NaN scores come first.
        iou_threshold: any number but NaN.
        score_threshold: only boxes with a score above it take part.
        max_output: keep at most so many, the best.
        metric: the overlap: iou, giou, diou, ciou, iof (share of the candidate that is covered), ios (of the
            smaller box) or tiou.
        inclusive: remove at overlap == iou_threshold too.
        return_owner: also say which kept box removed each box.
        compat: do as this package does where packages differ silently (docs/switching.md): torchvision, yolov3, yolov5,
            mmcv, mmcv_offset_1, tensorflow, onnx or opencv. It settles `inclusive`; with tensorflow and onnx boxes may
            be given by any two opposite corners.

    Returns:
        keep (K,) int64: kept indices by decreasing score, ties to the lower index, the same on every device.
        owner (N,) int64, if asked for: the first kept box that removed i, i itself if kept, else -1.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    The rule is that of torchvision.ops.nms; docs/SPEC.md, sections 1 and 3, has every detail.

    >>> import torch, ptdet
    >>> boxes = torch.tensor([[0., 0., 10., 10.], [1., 0., 11., 10.], [20., 0., 30., 10.]])
    >>> ptdet.nms(boxes, torch.tensor([.8, .9, .7]), 0.5)
    tensor([1, 2])
    """
    if compat is not None:
        boxes, inclusive, _ = _settled(compat, boxes, inclusive)
    return run_hard(boxes, scores, None, iou_threshold, metric, inclusive, score_threshold, max_output, return_owner)


@overload
def batched_nms(
    boxes: Tensor,
    scores: Tensor,
    idxs: Tensor,
    iou_threshold: float,
    *,
    score_threshold: float | None = ...,
    max_output: int | None = ...,
    metric: str = ...,
    inclusive: bool = ...,
    return_owner: Literal[False] = ...,
    compat: str | None = ...,
) -> Tensor: ...
@overload
def batched_nms(
    boxes: Tensor,
    scores: Tensor,
    idxs: Tensor,
    iou_threshold: float,
    *,
    score_threshold: float | None = ...,
    max_output: int | None = ...,
    metric: str = ...,
    inclusive: bool = ...,
    return_owner: Literal[True],
    compat: str | None = ...,
) -> tuple[Tensor, Tensor]: ...
def batched_nms(
    boxes: Tensor,
    scores: Tensor,
    idxs: Tensor,
    iou_threshold: float,
    *,
    score_threshold: float | None = None,
    max_output: int | None = None,
    metric: str = "iou",
    inclusive: bool = False,
    return_owner: bool = False,
    compat: str | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """`nms` within each class: only boxes of equal `idxs` meet, in one pass over all classes.

    Exact for any coordinates, dtype and number of classes: boxes are never moved apart.

    Args:
        boxes: as in `nms`. One without elements, of any shape and dtype, keeps nothing, and the other arguments are not
            looked at: torchvision's habit.
        idxs: (N,) class of each box: any integer, bool or floating dtype, any values but NaN.

    The other arguments, what is returned, what raises and the rule for ties are those of `nms`. With `compat="onnx"`
    kept boxes come class after class.

    >>> import torch, ptdet
    >>> boxes = torch.tensor([[0., 0., 10., 10.], [1., 0., 11., 10.], [20., 0., 30., 10.]])
    >>> ptdet.batched_nms(boxes, torch.tensor([.8, .9, .7]), torch.tensor([0, 1, 0]), 0.5)
    tensor([1, 0, 2])
    """
    by_class = False
    try:
        if idxs is None:
            raise TypeError("idxs: expected a torch.Tensor, got None")
        if compat is not None:
            boxes, inclusive, by_class = _settled(compat, boxes, inclusive)
        found = run_hard(
            boxes, scores, idxs, iou_threshold, metric, inclusive, score_threshold, max_output, return_owner
        )
    except (TypeError, ValueError):
        if isinstance(boxes, Tensor) and boxes.layout is torch.strided and boxes.numel() == 0:
            nothing = boxes.new_empty(0, dtype=torch.int64)
            return (nothing, nothing.clone()) if return_owner is True else nothing
        raise
    return _class_after_class(found, idxs) if by_class else found


def _settled(compat: str, boxes: Tensor, inclusive: bool) -> tuple[Tensor, bool, bool]:
    """Boxes and `inclusive` as the package takes them, and whether it lists the kept class after class."""
    profile = hard_profile(compat, inclusive)
    return as_given(boxes, profile), profile.inclusive, profile.by_class


def _class_after_class(found: Tensor | tuple[Tensor, Tensor], idxs: Tensor) -> Tensor | tuple[Tensor, Tensor]:
    keep, *owner = found if isinstance(found, tuple) else (found,)
    if torch.compiler.is_compiling() or keep.device.type != "cpu":
        keep = keep[torch.sort(idxs[keep], stable=True).indices]
        return (keep, owner[0]) if owner else keep
    groups = RAGGED_GROUPS(idxs.new_zeros(1, dtype=torch.int64).expand(len(idxs)), idxs, 1)
    keep = by_image(keep, groups, len(idxs), None, False)[1]
    return (keep, owner[0]) if owner else keep

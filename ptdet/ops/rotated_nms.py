"""Hard non-maximum suppression of rotated boxes."""

from __future__ import annotations

from typing import Literal, overload

from torch import Tensor

from .nms import run_rotated as _run


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
) -> Tensor | tuple[Tensor, Tensor]:
    """`ptdet.nms` of rotated boxes: the same rule, order and ties, with overlaps decided in float64.

    Args:
        boxes: (N, 5) cx, cy, w, h, angle, the angle in radians from +x to +y; float64, float32, float16 or bfloat16,
            any strides.
        metric: iou, giou, diou, iof (share of the candidate that is covered), ios (of the smaller box), tiou or
            probiou. By these two, boxes apart are above 0: all pairs are looked at by tiou below a threshold of 0.5,
            by probiou below 1e-5 and on CUDA.

    The other arguments, what is returned and what raises are those of `ptdet.nms`.

    >>> import torch, ptdet
    >>> boxes = torch.tensor([[5., 5., 8., 2., 0.], [5., 5., 8., 2., 1.57], [5., 5., 8., 2., 3.14]])
    >>> ptdet.rotated.nms(boxes, torch.tensor([.9, .8, .7]), 0.5)
    tensor([0, 1])
    """
    return _run(boxes, scores, None, iou_threshold, metric, inclusive, score_threshold, max_output, return_owner)


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
) -> Tensor | tuple[Tensor, Tensor]:
    """`nms` within each class: only boxes of equal `idxs` meet, and none is moved apart.

    Args:
        idxs: (N,) class of each box: any integer, bool or floating dtype, any values but NaN.

    The other arguments, what is returned and what raises are those of `nms`.

    >>> import torch, ptdet
    >>> boxes = torch.tensor([[5., 5., 8., 2., 0.], [5., 5., 8., 2., 0.], [5., 5., 8., 2., 3.14]])
    >>> ptdet.rotated.batched_nms(boxes, torch.tensor([.9, .8, .7]), torch.tensor([0, 1, 0]), 0.5)
    tensor([0, 1])
    """
    if idxs is None:
        raise TypeError("idxs: expected a torch.Tensor, got None")
    return _run(boxes, scores, idxs, iou_threshold, metric, inclusive, score_threshold, max_output, return_owner)

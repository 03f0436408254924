"""Suppression in matrix form: every box is asked of every better one, whether that one is kept or not."""

from __future__ import annotations

from typing import Literal, overload

from torch import Tensor

from .._library.checks import settled_limit
from ._runners import decayed_runner, owned_runner

_run_fast, _run_matrix = owned_runner("fast_nms"), decayed_runner("matrix_nms")


@overload
def fast_nms(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float,
    idxs: Tensor | None = ...,
    *,
    score_threshold: float | None = ...,
    max_output: int | None = ...,
    metric: str = ...,
    inclusive: bool = ...,
    return_owner: Literal[False] = ...,
) -> Tensor: ...
@overload
def fast_nms(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float,
    idxs: Tensor | None = ...,
    *,
    score_threshold: float | None = ...,
    max_output: int | None = ...,
    metric: str = ...,
    inclusive: bool = ...,
    return_owner: Literal[True],
) -> tuple[Tensor, Tensor]: ...
def fast_nms(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float,
    idxs: Tensor | None = None,
    *,
    score_threshold: float | None = None,
    max_output: int | None = None,
    metric: str = "iou",
    inclusive: bool = False,
    return_owner: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """Fast NMS: a box is removed if any better box overlaps it by more than `iou_threshold`, even a removed one.

    It keeps a subset of what `nms` keeps.

    Args:
        boxes: (N, 4) x1, y1, x2, y2 in any unit; float64, float32, float16 or bfloat16.
        scores: (N,) in any of these dtypes.
        iou_threshold: any number but NaN.
        idxs: (N,) class of each box, if only boxes of one class meet.
        score_threshold, max_output, metric, inclusive: as in `nms`.
        return_owner: also say which box removed each box: the best that overlaps it enough, kept or not.

    Returns:
        keep (K,) int64 by decreasing score, ties to the lower index; with `return_owner` also owner (N,).

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    Bolya et al., "YOLACT: Real-time Instance Segmentation", ICCV 2019.

    >>> import torch, ptdet
    >>> boxes = torch.tensor([[0., 0., 10., 10.], [0., 3., 10., 13.], [0., 6., 10., 16.]])
    >>> ptdet.fast_nms(boxes, torch.tensor([.9, .8, .7]), 0.5), ptdet.nms(boxes, torch.tensor([.9, .8, .7]), 0.5)
    (tensor([0]), tensor([0, 2]))
    """
    return _run_fast(
        boxes, scores, idxs, iou_threshold, metric,
        inclusive=inclusive, score_threshold=score_threshold, max_output=max_output, return_owner=return_owner,
    )  # fmt: skip


def matrix_nms(
    boxes: Tensor,
    scores: Tensor,
    idxs: Tensor | None = None,
    *,
    kind: str = "gaussian",
    sigma: float = 2.0,
    min_score: float = 0.001,
    score_threshold: float | None = None,
    max_output: int | None = None,
    metric: str = "iou",
    return_owner: bool = False,
) -> tuple[Tensor, ...]:
    """Matrix NMS: a score decays by the better box that weighs most on it, relieved by what weighs on that box.

    `score_j *= min over better i of f(overlap_ij) / f(largest overlap of i with a box better than i)`, at most 1, with
    `f(x) = exp(-sigma x^2)` (gaussian) or `1 - x` (linear). Overlaps below 0 count as 0; an i with f = 0 is passed
    over, since the box that weighs on it weighs on j itself.

    Args:
        boxes: (N, 4) x1, y1, x2, y2 in any unit; float64, float32, float16 or bfloat16.
        scores: (N,) in any of these dtypes.
        idxs: (N,) class of each box, if only boxes of one class meet.
        kind: gaussian or linear.
        sigma: above 0; it multiplies here, as in the paper's code.
        min_score: a box whose score comes to it or below is dropped.
        score_threshold, max_output, metric: as in `nms`.
        return_owner: also say which box weighed most on each box that is dropped.

    Returns:
        scores (K,): decayed, decreasing; they carry gradients to boxes and scores.
        keep (K,) int64: the boxes they belong to, ties to the lower index.
        owner (N,) int64, if asked for: i itself if kept, -1 if i was no candidate, if no box weighed
            on it, or if it is cut off by max_output.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    Wang et al., "SOLOv2: Dynamic and Fast Instance Segmentation", NeurIPS 2020.

    >>> import torch, ptdet
    >>> boxes = torch.tensor([[0., 0., 10., 10.], [0., 0., 10., 5.], [20., 0., 30., 10.]])
    >>> ptdet.matrix_nms(boxes, torch.tensor([.9, .8, .7]), kind="linear")
    (tensor([0.9000, 0.7000, 0.4000]), tensor([0, 2, 1]))
    """
    max_output = settled_limit(max_output, False, return_owner)
    options = (sigma, min_score, kind, metric, score_threshold, max_output)
    return _run_matrix(boxes, scores, idxs, *options, return_owner=return_owner)

"""Suppression whose kept boxes become means of the boxes they stand for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from .._library.arguments import explain
from .._library.checks import UNEXPLAINED, check_ids_are_numbers, settled_limit
from .._library.register import operator, past_autograd, wants_gradient
from .._library.signatures import SIGNATURES
from .._shared.checks import check_flag, check_number, one_of
from .._shared.parameters import METRICS, ROTATED_METRICS
from .._shared.shapes import unwrapped
from ._results import cut, rows_at
from .nms_variants import diou_nms, or_nms


def merge_runner(name: str) -> Callable[..., tuple[Tensor, ...]]:
    """Merge-NMS by the operators of a shape of box: `name`_walk, and `name` where there is a form that returns less."""
    walk, short = operator(f"{name}_walk"), operator(name) if name in SIGNATURES else None

    def run(
        boxes: Tensor,
        scores: Tensor,
        idxs: Tensor | None,
        iou_threshold: float,
        metric: str,
        inclusive: bool,
        score_threshold: float | None,
        max_output: int | None,
        members: str,
        weights: str,
        return_owner: bool,
    ) -> tuple[Tensor, ...]:
        max_output = settled_limit(max_output, inclusive, return_owner)
        options = (iou_threshold, metric, inclusive, score_threshold, max_output, members, weights)
        try:
            check_ids_are_numbers(idxs)
            if short is not None and not return_owner and not wants_gradient(boxes, scores):
                found: tuple[Tensor, Tensor] = short(boxes, scores, idxs, *options)  # has no gradient, and less to do
                return found
            merged, keep, owner, kept = past_autograd(walk, boxes, scores, idxs, *options)
            cut_rows = cut(keep, kept, merged)
        except UNEXPLAINED:  # the operator refuses what is wrong; this names it, as in `nms`
            explain(f"{name}_walk", boxes, scores, idxs, *options)
            raise
        return (*cut_rows, owner) if return_owner else cut_rows

    return run


_run, _run_rotated = merge_runner("merge_nms"), merge_runner("rotated_merge_nms")


def merge_nms(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float,
    idxs: Tensor | None = None,
    *,
    members: str = "cluster",
    weights: str = "score",
    score_threshold: float | None = None,
    max_output: int | None = None,
    metric: str = "iou",
    inclusive: bool = False,
    return_owner: bool = False,
) -> tuple[Tensor, ...]:
    """`nms`, whose kept boxes become the weighted mean `sum(w box) / sum(w)` of their members.

    Args:
        boxes: (N, 4) x1, y1, x2, y2 in any unit; float64, float32, float16 or bfloat16.
        scores: (N,) in any of these dtypes.
        iou_threshold: any number but NaN.
        idxs: (N,) class of each box, if only boxes of one class meet.
        members: of a kept box, itself always among them. "cluster": the boxes it removed (YOLOv3). "overlapping":
            every candidate that overlaps it enough, whoever removed it (YOLOv5). "later": of these the ones after it
            (Cluster-NMS). "best": each removed box goes to the kept box before it that it overlaps most (NMW).
        weights: "score", or "score_overlap": times the overlap with the kept box, which itself counts as 1.
        score_threshold, max_output, metric, inclusive, return_owner: as in `nms`.

    Returns:
        boxes (K, 4): they carry gradients to boxes and scores, the selection held fixed. One whose weights sum to 0,
            or whose mean is not finite, stays as it is. Scores stay: `scores[keep]`.
        keep (K,) int64 by decreasing score, ties to the lower index.
        owner (N,) int64, if asked for: the box that removed i (under "best" the one that it joined), i itself if
            kept, else -1.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    >>> import torch, ptdet
    >>> boxes = torch.tensor([[0., 0., 10., 10.], [1., 0., 11., 10.], [20., 0., 30., 10.]])
    >>> ptdet.merge_nms(boxes, torch.tensor([.75, .25, .5]), 0.5)
    (tensor([[ 0.2500,  0.0000, 10.2500, 10.0000],
            [20.0000,  0.0000, 30.0000, 10.0000]]), tensor([0, 2]))
    """
    options = (iou_threshold, metric, inclusive, score_threshold, max_output, members, weights)
    given, rotated = unwrapped(boxes)
    return (_run_rotated if rotated else _run)(given, scores, idxs, *options, return_owner)


def cluster_nms(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float,
    idxs: Tensor | None = None,
    *,
    weighted: bool = False,
    metric: str = "iou",
    beta: float = 1.0,
    score_threshold: float | None = None,
    max_output: int | None = None,
    inclusive: bool = False,
    return_owner: bool = False,
) -> tuple[Tensor, ...]:
    """Cluster-NMS at its fixpoint, which is greedy NMS; `weighted` boxes become means of what overlaps them.

    Args:
        boxes, scores, iou_threshold, idxs, score_threshold, max_output, inclusive, return_owner: as in `merge_nms`.
        weighted: a kept box becomes the mean of itself and the later boxes that overlap it enough, weighted by score
            times overlap; otherwise boxes stay as they are.
        metric: "diou" is the form with centre distances.
        beta: the power of that distance, as in `diou_nms`; not with `weighted`.

    Returns:
        boxes (K, 4), keep (K,) int64 by decreasing score and, if asked for, owner (N,): as `merge_nms`.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    Zheng et al., "Enhancing Geometric Factors in Model Learning and Inference for Object Detection and Instance
    Segmentation", IEEE Transactions on Cybernetics 2021.

    >>> import torch, ptdet
    >>> boxes = torch.tensor([[0., 0., 10., 10.], [0., 0., 10., 8.], [20., 0., 30., 10.]])
    >>> ptdet.cluster_nms(boxes, torch.tensor([.8, .5, .9]), 0.5, weighted=True)[0]
    tensor([[20.0000,  0.0000, 30.0000, 10.0000],
            [ 0.0000,  0.0000, 10.0000,  9.3333]])
    """
    check_flag("weighted", weighted)
    given, rotated = unwrapped(boxes)
    one_of("metric", metric, ROTATED_METRICS if rotated else METRICS)
    check_number("beta", beta)
    if beta != 1 and (weighted or metric != "diou"):
        raise ValueError(f"beta: expected 1 but for the plain form with metric 'diou', got {beta}")
    options: dict[str, Any] = {
        "score_threshold": score_threshold, "max_output": max_output, "inclusive": inclusive,
        "return_owner": return_owner,
    }  # fmt: skip
    if weighted:
        return merge_nms(
            boxes, scores, iou_threshold, idxs, members="later", weights="score_overlap", metric=metric, **options
        )
    if metric == "diou":
        found = diou_nms(boxes, scores, iou_threshold, idxs, beta=beta, **options)
    else:
        found = or_nms(boxes, scores, iou_threshold, idxs, metric=metric, **options)
    keep, *owner = found if isinstance(found, tuple) else (found,)
    return rows_at(given, keep), keep, *owner

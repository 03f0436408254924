"""Suppression in matrix form: every box is asked of every better one, whether that one is kept or not.

Composed of torch operations, a block of rows at a time: the same on every device, N^2 / 2 overlaps.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ._checks import check_suppression
from ._method_checks import check_min_score, one_of, positive
from ._results import check_ids
from .reference import above, computed, decreasing, exceeds, finite_or_zero, raw_overlap

_PAIRS = 1 << 22  # overlaps held at once


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
) -> tuple[Tensor, ...] | Tensor:
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
    check_suppression(boxes, scores, idxs, iou_threshold, metric, score_threshold, max_output)
    check_ids(idxs)
    order, sorted_boxes, ids = _in_order(boxes, scores, idxs, score_threshold)
    by = torch.arange(len(order), device=order.device)
    for rows in _blocks(len(order)):
        overlaps, better = _with_better(sorted_boxes, ids, rows, metric)
        met = exceeds(overlaps, iou_threshold, inclusive) & better
        first = torch.argmax(met.to(torch.uint8), dim=1) if met.shape[1] else by[rows]
        by[rows] = torch.where(met.any(dim=1), first, by[rows])
    kept = torch.nonzero(by == torch.arange(len(order), device=order.device))[:, 0]
    reached = len(order) if max_output is None or max_output >= len(kept) else int(kept[max_output - 1]) + 1
    kept = kept[:max_output]
    if not return_owner:
        return order[kept]
    owner = torch.full_like(scores, -1, dtype=torch.int64)
    owner[order] = torch.where(by < (reached if len(kept) else 0), order[by], -1)
    return order[kept], owner


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
        owner (N,) int64, if asked for: i itself if kept, -1 if i was no candidate or is cut off by max_output.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    Wang et al., "SOLOv2: Dynamic and Fast Instance Segmentation", NeurIPS 2020.

    >>> import torch, ptdet
    >>> boxes = torch.tensor([[0., 0., 10., 10.], [0., 0., 10., 5.], [20., 0., 30., 10.]])
    >>> ptdet.matrix_nms(boxes, torch.tensor([.9, .8, .7]), kind="linear")
    (tensor([0.9000, 0.7000, 0.4000]), tensor([0, 2, 1]))
    """
    check_suppression(boxes, scores, idxs, 0.0, metric, score_threshold, max_output)
    one_of("kind", kind, ("gaussian", "linear"))
    positive("sigma", sigma)
    check_min_score(min_score)
    check_ids(idxs)
    order, sorted_boxes, ids = _in_order(boxes, scores, idxs, score_threshold)

    def f(share: Tensor) -> Tensor:
        return torch.exp(-sigma * (share * share)) if kind == "gaussian" else 1 - share

    def shares(rows: slice) -> tuple[Tensor, Tensor]:
        overlaps, better = _with_better(sorted_boxes, ids, rows, metric)
        return torch.where(better, finite_or_zero(overlaps).clamp(min=0), 0.0), better

    weight = [shares(rows)[0].amax(dim=1) for rows in _blocks(len(order))]
    relief = f(torch.cat(weight)) if weight else sorted_boxes[:, 0]
    factors, by = [], []
    for rows in _blocks(len(order)):
        share, better = shares(rows)
        ratio = f(share) / torch.where(relief > 0, relief, 1.0)[: share.shape[1]]
        ratio = torch.where(better & (relief > 0)[: share.shape[1]], ratio, 1.0)
        least = ratio.min(dim=1)
        factors.append(least.values.clamp(max=1))
        by.append(least.indices)
    values = computed(scores)[order]
    decayed = values * torch.cat(factors).to(values.dtype) if factors else values
    alive = above(decayed.detach(), min_score) | torch.isnan(decayed.detach())
    by_row = torch.sort(order).indices
    best = by_row[alive[by_row]]
    best = best[decreasing(decayed[best])][:max_output]
    found = decayed[best].to(scores.dtype), order[best]
    if not return_owner:
        return found
    owner = torch.full_like(scores, -1, dtype=torch.int64)
    if factors:
        owner[order] = torch.where(alive, -1, order[torch.cat(by)])
    owner[found[1]] = found[1]
    return *found, owner


def _in_order(
    boxes: Tensor, scores: Tensor, idxs: Tensor | None, score_threshold: float | None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """The candidates by decreasing score, their boxes and classes."""
    values = computed(scores.detach())
    order = decreasing(values)
    if score_threshold is not None:
        order = order[above(values, score_threshold)[order]]
    return order, computed(boxes)[order], None if idxs is None else idxs[order]


def _blocks(count: int) -> Iterator[slice]:
    step = max(_PAIRS // max(count, 1), 1)
    for first in range(0, count, step):
        yield slice(first, min(first + step, count))


def _with_better(boxes: Tensor, ids: Tensor | None, rows: slice, metric: str) -> tuple[Tensor, Tensor]:
    """Overlaps of some rows with all boxes up to the last of them, and which of those are better and of their class."""
    overlaps = raw_overlap(boxes[rows][:, None], boxes[None, : rows.stop], metric)
    own = torch.arange(rows.start, rows.stop, device=boxes.device)
    better = own[:, None] > torch.arange(rows.stop, device=boxes.device)[None]
    if ids is not None:
        better = better & (ids[rows][:, None] == ids[None, : rows.stop])
    return overlaps, better

"""Non-maximum merging, as for sliced images: a kept box grows to the hull of the boxes it takes up.

Composed of torch operations over the native walk; the growing goes member by member, all clusters at once.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ._checks import check_suppression, refuse_export
from ._operators import NMS_WALK
from ._results import check_ids
from .reference import above, computed, decreasing, exceeds, raw_overlap
from .reference.nms import split_by_group

STEPS = "greedy_nmm and nmm take as many steps as the data says"


def greedy_nmm(
    boxes: Tensor,
    scores: Tensor,
    match_threshold: float = 0.5,
    idxs: Tensor | None = None,
    *,
    score_threshold: float | None = None,
    max_output: int | None = None,
    metric: str = "ios",
    inclusive: bool = True,
    return_owner: bool = False,
) -> tuple[Tensor, ...]:
    """Greedy non-maximum merging: `or_nms` whose kept boxes grow to the hull of those they remove.

    Members join by decreasing score, each if it overlaps the box as grown so far by more than `match_threshold`.

    Args:
        boxes: (N, 4) x1, y1, x2, y2 in any unit; float64, float32, float16 or bfloat16.
        scores: (N,) in any of these dtypes.
        match_threshold: any number but NaN.
        idxs: (N,) class of each box, if only boxes of one class meet.
        score_threshold, max_output, metric, inclusive, return_owner: as in `or_nms`.

    Returns:
        boxes (K, 4), differentiable; scores stay: `scores[keep]`.
        keep (K,) int64 by decreasing score, ties to the lower index; with `return_owner` also owner (N,).

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    Akyon et al., "Slicing Aided Hyper Inference and Fine-Tuning for Small Object Detection", ICIP 2022.

    >>> import torch, ptdet
    >>> boxes = torch.tensor([[0., 0., 10., 10.], [5., 0., 13., 10.], [30., 0., 40., 10.]])
    >>> ptdet.greedy_nmm(boxes, torch.tensor([.9, .8, .7]))
    (tensor([[ 0.,  0., 13., 10.],
            [30.,  0., 40., 10.]]), tensor([0, 2]))
    """
    refuse_export(STEPS, "ptdet.merge_nms")
    check_suppression(boxes, scores, idxs, match_threshold, metric, score_threshold, max_output)
    check_ids(idxs)
    keep, owner, kept = NMS_WALK(boxes, scores, idxs, match_threshold, metric, inclusive, score_threshold, max_output)
    return _grown(boxes, scores, keep[: int(kept)], owner, match_threshold, metric, return_owner)


def nmm(
    boxes: Tensor,
    scores: Tensor,
    match_threshold: float = 0.5,
    idxs: Tensor | None = None,
    *,
    score_threshold: float | None = None,
    max_output: int | None = None,
    metric: str = "ios",
    inclusive: bool = True,
    return_owner: bool = False,
) -> tuple[Tensor, ...]:
    """Non-maximum merging: as `greedy_nmm`, but members take up the boxes that they overlap, too.

    Boxes are asked by decreasing score; each hands those it overlaps, if free, to the box it belongs to itself.

    Args, what is returned and what raises: as `greedy_nmm`.

    >>> import torch, ptdet
    >>> boxes = torch.tensor([[0., 0., 10., 10.], [4., 0., 14., 10.], [8., 0., 18., 10.]])
    >>> scores = torch.tensor([.9, .8, .7])
    >>> ptdet.nmm(boxes, scores)[1], ptdet.greedy_nmm(boxes, scores)[1]
    (tensor([0]), tensor([0, 2]))
    """
    refuse_export(STEPS, "ptdet.merge_nms")
    check_suppression(boxes, scores, idxs, match_threshold, metric, score_threshold, max_output)
    check_ids(idxs)
    values = computed(scores.detach())
    order = decreasing(values)
    if score_threshold is not None:
        order = order[above(values, score_threshold)[order]]
    owner = torch.full_like(order.new_empty(scores.shape), -1)
    for members in split_by_group(order, idxs):
        candidates, by = computed(boxes.detach())[members], torch.full_like(members, -1)
        for at in range(len(members)):
            if by[at] < 0:
                by[at] = at
            rest = by[at + 1 :]
            met = exceeds(raw_overlap(candidates[at + 1 :], candidates[at], metric), match_threshold, inclusive)
            rest[met & (rest < 0)] = by[at]
        owner[members] = members[by]
    kept = order[owner[order] == order][:max_output]
    owner = torch.where(torch.isin(owner, kept), owner, -1)
    return _grown(boxes, scores, kept, owner, match_threshold, metric, return_owner)


def _grown(
    boxes: Tensor, scores: Tensor, keep: Tensor, owner: Tensor, match_threshold: float, metric: str, return_owner: bool
) -> tuple[Tensor, ...]:
    order = decreasing(computed(scores.detach()))
    rows = order[(owner[order] >= 0) & (owner[order] != order)]
    place = torch.zeros_like(owner)
    place[keep] = torch.arange(len(keep), device=keep.device)
    clusters, by_cluster = torch.sort(place[owner[rows]], stable=True)
    rows = rows[by_cluster]
    sizes = torch.bincount(clusters, minlength=len(keep))
    first = torch.cumsum(sizes, 0) - sizes
    grown = boxes[keep]
    for turn in range(int(sizes.max()) if len(keep) else 0):
        here = torch.nonzero(sizes > turn)[:, 0]
        box, member = grown[here], boxes[rows[first[here] + turn]]
        hull = torch.cat([torch.minimum(box[:, :2], member[:, :2]), torch.maximum(box[:, 2:], member[:, 2:])], dim=1)
        met = exceeds(raw_overlap(member.detach(), box.detach(), metric), match_threshold)
        grown = grown.index_copy(0, here, torch.where(met[:, None], hull, box))
    return (grown, keep, owner) if return_owner else (grown, keep)

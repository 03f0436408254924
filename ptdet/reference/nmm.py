"""Non-maximum merging (Akyon et al., "Slicing Aided Hyper Inference and Fine-Tuning for Small Object Detection", ICIP
2022): kept boxes that grow to the hull of the boxes they absorb."""

import torch
from torch import Tensor

from .nms import candidates_in_order, check, nms_walk, split_by_group
from .overlap import computed, raw_overlap
from .thresholds import exceeds


def nmm_walk(
    boxes: Tensor,
    scores: Tensor,
    idxs: Tensor | None,
    iou_threshold: float,
    metric: str = "ios",
    inclusive: bool = True,
    score_threshold: float | None = None,
    max_output: int | None = None,
    members_hand_on: bool = False,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """`nms_walk`, whose kept boxes grow to the hull of their members.

    Members are the boxes that a kept box removed. They join in decreasing score, each if it overlaps the box as grown
    so far by more than `iou_threshold`. With `members_hand_on`, members remove the boxes that they overlap, too, for
    the kept box they belong to.

    Returns:
        grown (N, 4): the boxes in the order of keep, then 0.
        sides (N, 4): the row that each of these numbers comes from, the first of equals in decreasing score, then -1.
        keep, owner, kept: as `nms_walk`.
    """
    check(boxes, scores, idxs, iou_threshold, metric, score_threshold, max_output)
    order, originals = candidates_in_order(scores, score_threshold), computed(boxes.detach())
    if members_hand_on:
        owner = torch.full_like(scores, -1, dtype=torch.int64)
        for candidates in split_by_group(order, idxs):
            owner[candidates] = propagate(originals, candidates, iou_threshold, metric, inclusive)
        found = order[owner[order] == order][:max_output]
        owner = torch.where(torch.isin(owner, found), owner, -1)
        keep = torch.full_like(owner, -1)
        keep[: len(found)] = found
        kept = torch.tensor(len(found), dtype=torch.int64, device=boxes.device)
    else:
        keep, owner, kept = nms_walk(boxes, scores, idxs, iou_threshold, metric, inclusive, score_threshold, max_output)
        found = keep[: int(kept)]
    sides = torch.full_like(boxes, -1, dtype=torch.int64)
    sides[: len(found)] = grow(originals, found, owner, order, iou_threshold, metric)
    grown = torch.zeros_like(boxes)
    grown[: len(found)] = boxes.detach().gather(0, sides[: len(found)])
    return grown, sides, keep, owner, kept


def propagate(boxes: Tensor, candidates: Tensor, iou_threshold: float, metric: str, inclusive: bool) -> Tensor:
    """The owner of each of one group's candidates, which are in the order they are selected.

    In score order, each box gives its own owner to every later box that it overlaps and that has none.
    """
    boxes, by = boxes[candidates], torch.full_like(candidates, -1)
    for at in range(len(candidates)):
        if by[at] < 0:
            by[at] = at
        rest = by[at + 1 :]
        met = exceeds(raw_overlap(boxes[at + 1 :], boxes[at], metric), iou_threshold, inclusive)
        rest[met & (rest < 0)] = by[at]
    return candidates[by]


def grow(boxes: Tensor, found: Tensor, owner: Tensor, order: Tensor, iou_threshold: float, metric: str) -> Tensor:
    """Whose each side of each kept box is, once its members have joined; all kept boxes absorb one at a time."""
    rows = order[(owner[order] >= 0) & (owner[order] != order)]
    place = torch.zeros_like(owner)
    place[found] = torch.arange(len(found), device=found.device)
    clusters, by_cluster = torch.sort(place[owner[rows]], stable=True)
    rows = rows[by_cluster]
    sizes = torch.bincount(clusters, minlength=len(found))
    first = torch.cumsum(sizes, 0) - sizes
    sides = found[:, None].repeat(1, 4)
    for turn in range(int(sizes.max()) if len(found) else 0):
        here = torch.nonzero(sizes > turn)[:, 0]
        row = rows[first[here] + turn]
        box, member = boxes.gather(0, sides[here]), boxes[row]
        met = exceeds(raw_overlap(member, box, metric), iou_threshold)
        beyond = torch.cat([member[:, :2] < box[:, :2], member[:, 2:] > box[:, 2:]], dim=1)
        sides[here] = torch.where(met[:, None] & beyond, row[:, None], sides[here])
    return sides

"""Non-maximum merging (Akyon et al., "Slicing Aided Hyper Inference and Fine-Tuning for Small Object Detection", ICIP
2022): kept boxes that grow to the hull of the boxes they absorb."""

import torch
from torch import Tensor

from .box_shape import ALIGNED, Shape
from .nms import candidates_in_order, check, nms_walk, split_by_group
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
    members_propagate: bool = False,
    shape: Shape = ALIGNED,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """`nms_walk`, whose kept boxes grow to the hull of their members.

    Members are the boxes that a kept box removed. They join in decreasing score, each if it overlaps the box as grown
    so far by more than `iou_threshold`. With `members_propagate`, members remove the boxes that they overlap, too, for
    the kept box they belong to.

    Returns:
        grown (N, 4): the boxes in the order of keep, then 0.
        sides (N, 4): the row that each of these numbers comes from, the first of equals in decreasing score, then -1.
            Rotated boxes grow in the frame of the kept box: the least u, v and the largest u, v.
        keep, owner, kept: as `nms_walk`.
    """
    check(boxes, scores, idxs, iou_threshold, metric, score_threshold, max_output, shape.numbers, shape.metrics)
    order, originals = candidates_in_order(scores, score_threshold), shape.rows(boxes)
    if members_propagate:
        owner = torch.full_like(scores, -1, dtype=torch.int64)
        for candidates in split_by_group(order, idxs):
            owner[candidates] = propagate(shape, originals, candidates, iou_threshold, metric, inclusive)
        found = order[owner[order] == order][:max_output]
        owner = torch.where(torch.isin(owner, found), owner, -1)
        keep = torch.full_like(owner, -1)
        keep[: len(found)] = found
        kept = torch.tensor(len(found), dtype=torch.int64, device=boxes.device)
    else:
        rest = (iou_threshold, metric, inclusive, score_threshold, max_output)
        keep, owner, kept = nms_walk(boxes, scores, idxs, *rest, shape=shape)
        found = keep[: int(kept)]
    sides = boxes.new_full((len(boxes), 4), -1, dtype=torch.int64)
    grown = torch.zeros_like(boxes)
    rows, sides[: len(found)] = grow(shape, originals, found, owner, order, iou_threshold, metric)
    rows = rows[:, : shape.numbers]
    if shape is not ALIGNED:  # a rotated box that grows may leave the type
        largest = torch.finfo(boxes.dtype).max
        as_given = (sides[: len(found)] == found[:, None]).all(dim=1, keepdim=True)
        rows = torch.where(as_given, rows, rows.clamp(-largest, largest))
    grown[: len(found)] = rows.to(boxes.dtype)
    return grown, sides, keep, owner, kept


def propagate(
    shape: Shape, boxes: Tensor, candidates: Tensor, iou_threshold: float, metric: str, inclusive: bool
) -> Tensor:
    """The owner of each of one group's candidates, which are in the order they are selected.

    In score order, each box gives its own owner to every later box that it overlaps and that has none.
    """
    boxes, by = boxes[candidates], torch.full_like(candidates, -1)
    for at in range(len(candidates)):
        if by[at] < 0:
            by[at] = at
        rest = by[at + 1 :]
        met = exceeds(shape.overlap(boxes[at + 1 :], boxes[at], metric), iou_threshold, inclusive)
        rest[met & (rest < 0)] = by[at]
    return candidates[by]


def grow(
    shape: Shape, boxes: Tensor, found: Tensor, owner: Tensor, order: Tensor, iou_threshold: float, metric: str
) -> tuple[Tensor, Tensor]:
    """Each kept box once its members have joined, and whose each of its sides is; all absorb one at a time."""
    rows = order[(owner[order] >= 0) & (owner[order] != order)]
    place = torch.zeros_like(owner)
    place[found] = torch.arange(len(found), device=found.device)
    clusters, by_cluster = torch.sort(place[owner[rows]], stable=True)
    rows = rows[by_cluster]
    sizes = torch.bincount(clusters, minlength=len(found))
    first = torch.cumsum(sizes, 0) - sizes
    sides = found[:, None].repeat(1, 4)
    kept = boxes[found]
    grown, reach = kept.clone(), shape.extents(kept, kept)
    for turn in range(int(sizes.max()) if len(found) else 0):
        here = torch.nonzero(sizes > turn)[:, 0]
        row = rows[first[here] + turn]
        extents, so_far = shape.extents(boxes[row], kept[here]), reach[here]
        met = exceeds(shape.overlap(boxes[row], grown[here], metric), iou_threshold)
        beyond = torch.cat([extents[:, :2] < so_far[:, :2], extents[:, 2:] > so_far[:, 2:]], dim=1) & met[:, None]
        sides[here] = torch.where(beyond, row[:, None], sides[here])
        reach[here] = torch.where(beyond, extents, so_far)
        larger = shape.rows(shape.within(reach[here], kept[here]))
        grown[here] = torch.where(beyond.any(dim=1)[:, None], larger, grown[here])
    return grown, sides

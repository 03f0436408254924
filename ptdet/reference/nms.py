"""Hard suppression, row by row: the memory of a row is the candidates that are left."""

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from .box_shape import ALIGNED, Shape
from .overlap import FLOATS, METRICS, computed
from .thresholds import above, exceeds


def nms_walk(
    boxes: Tensor,
    scores: Tensor,
    idxs: Tensor | None,
    iou_threshold: float,
    metric: str = "iou",
    inclusive: bool = False,
    score_threshold: float | None = None,
    max_output: int | None = None,
    *,
    shape: Shape = ALIGNED,
) -> tuple[Tensor, Tensor, Tensor]:
    """The greedy pass by decreasing score: a selected box stays and removes what is left of its group and overlaps it.

    Returns:
        keep (N,): kept indices by decreasing score (ties to the lower index), then -1.
        owner (N,): the kept box that removed i, i itself if it is kept, -1 if it was no candidate or was not reached.
        num_kept (): how many are kept.
    """
    check(boxes, scores, idxs, iou_threshold, metric, score_threshold, max_output, shape.numbers, shape.metrics)

    def removes(candidates: Tensor, selected: Tensor, row: Tensor) -> Tensor:
        return exceeds(shape.overlap(candidates, selected, metric), iou_threshold, inclusive)

    return greedy(shape.rows(boxes), scores, idxs, removes, score_threshold, max_output)


def greedy(
    boxes: Tensor,
    scores: Tensor,
    idxs: Tensor | None,
    removes: Callable[[Tensor, Tensor, Tensor], Tensor],
    score_threshold: float | None,
    max_output: int | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """The greedy pass under any test `removes(candidates, selected, row)`, boxes and the row of the selected one.

    A box is a row of any length.
    """
    boxes, order = computed(boxes.detach()), candidates_in_order(scores, score_threshold)
    owner = torch.full_like(scores, -1, dtype=torch.int64)
    for members in split_by_group(order, idxs):
        _suppress_group(boxes, members, removes, owner)
    kept = order[owner[order] == order][:max_output]
    if max_output is not None:
        reached = torch.zeros_like(owner, dtype=torch.bool)
        reached[kept] = True
        owner = torch.where((owner >= 0) & reached[owner.clamp(min=0)], owner, -1) if len(owner) else owner
    keep = torch.full_like(owner, -1)
    keep[: len(kept)] = kept
    return keep, owner, torch.tensor(len(kept), dtype=torch.int64, device=boxes.device)


def nms(
    boxes: Tensor,
    scores: Tensor,
    idxs: Tensor | None,
    iou_threshold: float,
    metric: str = "iou",
    inclusive: bool = False,
    score_threshold: float | None = None,
    max_output: int | None = None,
    *,
    shape: Shape = ALIGNED,
) -> Tensor:
    """The kept indices (K,) of `nms_walk`."""
    options = (iou_threshold, metric, inclusive, score_threshold, max_output)
    keep, _, kept = nms_walk(boxes, scores, idxs, *options, shape=shape)
    return keep[: int(kept)].clone()


def candidates_in_order(scores: Tensor, score_threshold: float | None) -> Tensor:
    """The rows that take part, by decreasing score."""
    scores = computed(scores.detach())
    order = decreasing(scores)
    return order if score_threshold is None else order[above(scores, score_threshold)[order]]


def decreasing(scores: Tensor) -> Tensor:
    """Indices by decreasing score, NaN first, ties to the lower index.

    Sorts that compare bit patterns (CUDA's) tell -0.0 from 0.0 and one NaN from another, hence one form of each.
    """
    scores = torch.where(scores == 0, 0.0, scores)
    scores = torch.where(torch.isnan(scores), math.nan, scores)
    return torch.sort(scores, descending=True, stable=True).indices


def split_by_group(order: Tensor, idxs: Tensor | None) -> list[Tensor]:
    """`order` as one list a group, each in the same order."""
    if idxs is None:
        return [order]
    ids = idxs.detach()
    if ids.is_floating_point():
        ids = torch.where(ids == 0, 0.0, ids)
    elif ids.dtype == torch.uint64:
        ids = ids.view(torch.int64)  # one to one, and equality is all that counts
    else:
        ids = ids.to(torch.int64)
    ids, by_group = torch.sort(ids[order], stable=True)
    _, sizes = torch.unique_consecutive(ids, return_counts=True)
    return list(torch.split(order[by_group], sizes.tolist()))


def _suppress_group(
    boxes: Tensor, members: Tensor, removes: Callable[[Tensor, Tensor, Tensor], Tensor], owner: Tensor
) -> None:
    """Writes to `owner`; `members` are one group's candidates in the order they are selected.

    What is left is stored column by column, which torch computes three times as fast as rows of four.
    """
    owner[members] = members
    rest, columns = members, boxes[members].t().contiguous()
    while len(rest) > 1:
        selected, selected_box = rest[0], columns[:, 0]
        rest, columns = rest[1:], columns[:, 1:]
        removed = removes(columns.t(), selected_box, selected)
        if removed.any():
            owner[rest[removed]] = selected
            left = torch.nonzero(~removed)[:, 0]
            rest, columns = rest[left], columns[:, left]


def check(
    boxes: Tensor,
    scores: Tensor,
    idxs: Tensor | None,
    iou_threshold: float,
    metric: str,
    score_threshold: float | None,
    max_output: int | None,
    numbers: int = 4,
    metrics: Iterable[str] = METRICS,
) -> None:
    """`numbers`: of a box."""
    for name, given in (("boxes", boxes), ("scores", scores)):
        if not isinstance(given, Tensor):
            raise TypeError(f"{name}: expected a torch.Tensor, got {type(given).__name__}")
    for name, other in (("scores", scores), ("idxs", idxs)):
        if other is not None and other.device != boxes.device:
            raise ValueError(f"{name}: expected device {boxes.device} as of boxes, got {other.device}")
    if boxes.dim() != 2 or boxes.size(1) != numbers:
        raise ValueError(f"boxes: expected shape (N, {numbers}), got {tuple(boxes.shape)}")
    if boxes.dtype not in FLOATS:
        raise TypeError(f"boxes: expected a floating dtype, got {boxes.dtype}")
    if scores.shape != boxes.shape[:1]:
        raise ValueError(f"scores: expected shape ({len(boxes)},), got {tuple(scores.shape)}")
    if scores.dtype not in FLOATS:
        raise TypeError(f"scores: expected a floating dtype, got {scores.dtype}")
    if metric not in metrics:
        raise ValueError(f"metric: expected one of {', '.join(metrics)}, got {metric!r}")
    for name, threshold in (("iou_threshold", iou_threshold), ("score_threshold", score_threshold)):
        if threshold is not None and math.isnan(threshold):
            raise ValueError(f"{name}: expected a number, got nan")
    if max_output is not None and max_output < 0:
        raise ValueError(f"max_output: expected None or a number >= 0, got {max_output}")
    if idxs is None:
        return
    if idxs.shape != scores.shape:
        raise ValueError(f"idxs: expected shape ({len(boxes)},), got {tuple(idxs.shape)}")
    if idxs.is_complex():
        raise TypeError(f"idxs: expected integers, bools or floats, got {idxs.dtype}")
    if idxs.is_floating_point() and bool(torch.isnan(idxs).any()):
        raise ValueError("idxs: expected ids that equal themselves, got nan")

"""Kept boxes that become the weighted mean of the boxes they stand for."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from .box_shape import ALIGNED, Shape
from .nms import candidates_in_order, check, nms_walk, split_by_group
from .overlap import computed
from .thresholds import exceeds
from .wide import is_ordinary, wide

MEMBERS = ("cluster", "overlapping", "later", "best")
WEIGHTS = ("score", "score_overlap")


def merge_nms_walk(
    boxes: Tensor,
    scores: Tensor,
    idxs: Tensor | None,
    iou_threshold: float,
    metric: str = "iou",
    inclusive: bool = False,
    score_threshold: float | None = None,
    max_output: int | None = None,
    members: str = "cluster",
    weights: str = "score",
    shape: Shape = ALIGNED,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """`nms_walk`, whose kept boxes become the weighted mean of their members.

    Members of a kept box, itself always among them: the boxes it removed ("cluster"); the candidates of its group
    that overlap it enough ("overlapping"); of these the ones after it ("later"); or the removed boxes that overlap
    it more than any other kept box, the first of equals ("best"). The weight of a member is its score, times its
    overlap with the kept box ("score_overlap", 1 for the box itself).

    Returns:
        merged (N, 4): the boxes in the order of keep, then 0. A mean of rotated boxes is taken about the kept box.
        keep, owner, kept: as `nms_walk`; under "best" the owner is the kept box that it is a member of.
    """
    if members not in MEMBERS:
        raise ValueError(f"members: expected one of {', '.join(MEMBERS)}, got {members!r}")
    if weights not in WEIGHTS:
        raise ValueError(f"weights: expected one of {', '.join(WEIGHTS)}, got {weights!r}")
    check(boxes, scores, idxs, iou_threshold, metric, score_threshold, max_output, shape.numbers, shape.metrics)
    limit = None if members == "best" else max_output
    keep, owner, kept = nms_walk(
        boxes, scores, idxs, iou_threshold, metric, inclusive, score_threshold, limit, shape=shape
    )
    order, originals = candidates_in_order(scores, score_threshold), shape.rows(boxes)
    if members == "best":
        owner = best_owner(shape, originals, order, idxs, owner, metric)
        if max_output is not None:
            keep[max_output:] = -1
        owner = torch.where(torch.isin(owner, keep), owner, -1)
        kept = (keep >= 0).sum()
    found = keep[: int(kept)]
    values = computed(scores.detach()).to(originals.dtype)
    merged = torch.zeros_like(boxes)

    def write(clusters: Tensor, rows: Tensor) -> None:
        """Pairs of a place in `found` and a member, each place's members in the order of selection."""
        times = torch.ones_like(values[rows])
        if weights == "score_overlap":
            overlaps = shape.overlap(originals[rows], originals[found[clusters]], metric)
            times = torch.where(rows == found[clusters], 1.0, overlaps)
        places, clusters = torch.unique(clusters, return_inverse=True)
        mean = means(shape, originals[rows], originals[found[places]], clusters, values[rows], times)
        merged[places] = mean.to(boxes.dtype)

    if members in ("cluster", "best"):
        place = torch.full_like(owner, -1)
        place[found] = torch.arange(len(found), device=found.device)
        rows = order[owner[order] >= 0]
        write(place[owner[rows]], rows)
        return merged, keep, owner, kept
    pending: list[tuple[Tensor, Tensor]] = []
    for clusters, rows in overlapping(shape, originals, order, idxs, found, iou_threshold, metric, inclusive, members):
        pending.append((clusters, rows))
        if len(pending) == 64:  # so that memory grows with N
            write(*(torch.cat(part) for part in zip(*pending, strict=True)))
            pending.clear()
    if pending:
        write(*(torch.cat(part) for part in zip(*pending, strict=True)))
    return merged, keep, owner, kept


def merge_nms(
    boxes: Tensor,
    scores: Tensor,
    idxs: Tensor | None,
    iou_threshold: float,
    metric: str = "iou",
    inclusive: bool = False,
    score_threshold: float | None = None,
    max_output: int | None = None,
    members: str = "cluster",
    weights: str = "score",
) -> tuple[Tensor, Tensor]:
    """The merged boxes (K, 4) and kept indices (K,) of `merge_nms_walk`."""
    merged, keep, _, kept = merge_nms_walk(
        boxes, scores, idxs, iou_threshold, metric, inclusive, score_threshold, max_output, members, weights
    )
    return merged[: int(kept)].clone(), keep[: int(kept)].clone()


def best_owner(shape: Shape, boxes: Tensor, order: Tensor, idxs: Tensor | None, owner: Tensor, metric: str) -> Tensor:
    """For each removed box the kept box before it that it overlaps most, the first of equals."""
    best = owner.clone()
    for candidates in split_by_group(order, idxs):
        is_kept = owner[candidates] == candidates
        for at in torch.nonzero(~is_kept)[:, 0].tolist():
            before = candidates[:at][is_kept[:at]]
            overlaps = shape.overlap(boxes[candidates[at]], boxes[before], metric)
            overlaps = torch.where(torch.isfinite(overlaps), overlaps, -math.inf)
            best[candidates[at]] = before[torch.nonzero(overlaps == overlaps.max())[0, 0]]
    return best


def overlapping(
    shape: Shape,
    boxes: Tensor,
    order: Tensor,
    idxs: Tensor | None,
    kept: Tensor,
    iou_threshold: float,
    metric: str,
    inclusive: bool,
    members: str,
) -> Iterator[tuple[Tensor, Tensor]]:
    """For each kept box its place, once for every member, and its members in the order of selection."""
    place = {row: i for i, row in enumerate(kept.tolist())}
    for candidates in split_by_group(order, idxs):
        for at, row in enumerate(candidates.tolist()):
            if row not in place:
                continue
            met = exceeds(shape.overlap(boxes[candidates], boxes[row], metric), iou_threshold, inclusive)
            if members == "later":
                met[:at] = False
            met[at] = True
            rows = candidates[met]
            yield torch.full_like(rows, place[row]), rows


def means(shape: Shape, boxes: Tensor, kept: Tensor, clusters: Tensor, weight: Tensor, times: Tensor) -> Tensor:
    """sum(w * box) / sum(w) of each cluster, w = weight * times, added one by one in the order given.

    Args:
        boxes: the members', side by side with the place of each in `kept` (clusters) and its weight.
        kept: what each mean is relative to. A kept box whose weights sum to 0, or whose mean is not finite, stays as
            it is.
    """
    numbers = shape.relative(boxes, kept[clusters])
    by_cluster = torch.sort(clusters, stable=True)
    clusters, numbers = by_cluster.values, numbers[by_cluster.indices]
    weight, times = weight[by_cluster.indices], times[by_cluster.indices]
    sizes = torch.bincount(clusters, minlength=len(kept))
    first = torch.cumsum(sizes, 0) - sizes
    count = shape.numbers
    sums = numbers.new_zeros(len(kept), count + 1)

    def turns() -> Iterator[tuple[Tensor, Tensor]]:
        """The clusters that have another member, and its place among all members."""
        for turn in range(int(sizes.max()) if len(kept) else 0):
            here = torch.nonzero(sizes > turn)[:, 0]
            yield here, first[here] + turn

    def with_weight(member: Tensor) -> Tensor:
        return torch.cat([numbers[member], torch.ones_like(weight[member])[:, None]], dim=1)

    if is_ordinary(numbers, weight, weight * times):
        for here, member in turns():
            sums[here] += (weight * times)[member][:, None] * with_weight(member)
        return where_sound(sums[:, count], shape.absolute(sums[:, :count] / sums[:, count:], kept), kept[:, :count])
    wide_sums = wide(torch.zeros_like(sums))
    for here, member in turns():
        w = wide(weight[member]) * wide(times[member])
        sum_here = wide_sums[here] + w[:, None] * wide(with_weight(member))
        wide_sums.part[here], wide_sums.power[here] = sum_here.part, sum_here.power
    mean = (wide_sums[:, :count] / wide_sums[:, count:]).narrow()
    return where_sound(wide_sums.part[:, count], shape.absolute(mean, kept), kept[:, :count])


def where_sound(total: Tensor, mean: Tensor, otherwise: Tensor) -> Tensor:
    sound = (total != 0) & torch.isfinite(mean).all(dim=-1)
    return torch.where(sound[..., None], mean, otherwise)

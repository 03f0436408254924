"""Weighted boxes fusion (Solovyev et al., "Weighted boxes fusion: Ensembling boxes from different object detection
models", Image and Vision Computing 2021)."""

import math
from typing import Any

import torch
from torch import Tensor

from .box_shape import ALIGNED, Shape
from .merge_nms import where_sound
from .nms import candidates_in_order, check, decreasing, split_by_group
from .overlap import computed
from .thresholds import exceeds
from .wide import Wide, is_ordinary, wide

CONF_TYPES = ("avg", "max", "box_and_model_avg", "absent_model_aware_avg")


def wbf_walk(
    boxes: Tensor,
    scores: Tensor,
    idxs: Tensor | None,
    models: Tensor | None,
    weights: Tensor | None,
    iou_threshold: float = 0.55,
    conf_type: str = "avg",
    allows_overflow: bool = False,
    metric: str = "iou",
    inclusive: bool = False,
    score_threshold: float | None = None,
    max_output: int | None = None,
    shape: Shape = ALIGNED,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Fuses boxes in decreasing weighted score: each joins the fused box it overlaps most, if enough, or founds one.

    A fused box is the mean of its members, weighted by score; it moves with each member. A score counts times the
    weight of its model.

    Returns:
        fused (N, 4), confidences (N,): in the order of keep, then 0. A mean of rotated boxes is taken about
            the founder.
        keep (N,): the founders of the fused boxes by decreasing confidence, ties to the lower index, then -1.
        owner (N,): the founder of the fused box that i is part of, -1 if it was no candidate or its box is cut off.
        num_kept (): how many there are.
    """
    check(boxes, scores, idxs, iou_threshold, metric, score_threshold, max_output, shape.numbers, shape.metrics)
    models, weights = check_models(scores, models, weights, conf_type)
    boxes_out, originals = torch.zeros_like(boxes), shape.rows(boxes)
    weights = weights.to(originals.dtype)
    weighted = computed(scores.detach()).to(originals.dtype) * weights[models]
    owner = torch.full_like(models, -1)
    candidates = candidates_in_order(scores, score_threshold).sort().values
    order = candidates[decreasing(weighted[candidates])]
    # what boxes differ by need not be ordinary where they are
    ordinary = shape is ALIGNED and is_ordinary(originals, weighted, weights)
    founders: list[Tensor] = []
    fused: list[Tensor] = []
    confidences: list[Tensor] = []
    for members in split_by_group(order, idxs):
        clusters = cluster(shape, originals, weighted, members, iou_threshold, metric, inclusive, ordinary)
        for rows, box in clusters:
            owner[torch.stack(rows)] = rows[0]
            founders.append(rows[0])
            fused.append(box[: shape.numbers])
            confidences.append(
                confidence(torch.stack(rows), weighted, models, weights, conf_type, allows_overflow, ordinary)
            )
    keep, kept_scores = torch.full_like(owner, -1), torch.zeros_like(scores)
    kept = 0
    if founders:
        first, values = torch.stack(founders), torch.stack(confidences)
        by_row = torch.sort(first).indices
        best = by_row[decreasing(values[by_row])][:max_output]
        kept = len(best)
        keep[:kept], kept_scores[:kept] = first[best], values[best].to(scores.dtype)
        boxes_out[:kept] = torch.stack(fused)[best].to(boxes.dtype)
        owner = torch.where(torch.isin(owner, first[best]), owner, -1)
    return boxes_out, kept_scores, keep, owner, torch.tensor(kept, dtype=torch.int64, device=boxes.device)


def cluster(
    shape: Shape,
    boxes: Tensor,
    weighted: Tensor,
    members: Tensor,
    iou_threshold: float,
    metric: str,
    inclusive: bool,
    ordinary: bool,
) -> list[tuple[list[Tensor], Tensor]]:
    """Members and fused box of each cluster, in the order of their founders."""
    rows: list[list[Tensor]] = []
    fused = torch.zeros_like(boxes[members])
    sums: list[Any] = []  # each a number, below
    count = shape.numbers

    def term_of(row: Tensor, founder: Tensor) -> Any:
        values = torch.cat([shape.relative(boxes[row], boxes[founder]), boxes.new_ones(1)])
        return number(weighted[row], ordinary) * number(values, ordinary)

    for row in members:
        overlaps = shape.overlap(boxes[row], fused[: len(rows)], metric)
        met = exceeds(overlaps, iou_threshold, inclusive)
        if not met.any():
            at = len(rows)
            rows.append([])
            fused[at] = boxes[row]
            sums.append(number(boxes.new_zeros(count + 1), ordinary) + term_of(row, row))
        else:
            overlaps = torch.where(met, overlaps, -math.inf)
            at = int(torch.nonzero(overlaps == overlaps.max())[0, 0])
            founder = rows[at][0]
            sums[at] = sums[at] + term_of(row, founder)
            mean = shape.absolute(plain(sums[at][:count] / sums[at][count:]), boxes[founder])
            fused[at] = shape.rows(where_sound(plain(sums[at])[count], mean, fused[at][:count]))
        rows[at].append(row)
    return [(each, fused[i]) for i, each in enumerate(rows)]


def confidence(
    rows: Tensor,
    weighted: Tensor,
    models: Tensor,
    weights: Tensor,
    conf_type: str,
    allows_overflow: bool,
    ordinary: bool,
) -> Tensor:
    """Of one cluster; sums run in the order of its members, and over models in theirs."""
    if conf_type == "max":
        return weighted[rows].max() / weights.max()
    present = torch.isin(torch.arange(len(weights), device=rows.device), models[rows])

    def of(value: Tensor | int) -> Any:
        return number(torch.as_tensor(value, dtype=weights.dtype, device=weights.device), ordinary)

    count = of(len(rows))
    total = of(0)
    for score in weighted[rows]:
        total = total + of(score)
    average = total / count
    if conf_type == "box_and_model_avg":
        share = average * count / of(in_order(weights[models[rows]]))
        return plain(share * of(in_order(weights[present])) / of(in_order(weights)))
    if conf_type == "absent_model_aware_avg":
        return plain(average * count / (of(in_order(weights[models[rows]])) + of(in_order(weights[~present]))))
    counted = count if allows_overflow else of(min(len(weights), len(rows)))
    return plain(average * counted / of(in_order(weights)))


def number(x: Tensor, ordinary: bool) -> Any:
    """In the type, or out of the reach of its exponents."""
    return x if ordinary else wide(x)


def plain(x: Any) -> Tensor:
    narrow: Tensor = x.narrow() if isinstance(x, Wide) else x
    return narrow


def in_order(values: Tensor) -> Tensor:
    """The sum from left to right, one rounding each."""
    total = torch.zeros((), dtype=values.dtype, device=values.device)
    for value in values:
        total = total + value
    return total


def check_models(
    scores: Tensor, models: Tensor | None, weights: Tensor | None, conf_type: str
) -> tuple[Tensor, Tensor]:
    if conf_type not in CONF_TYPES:
        raise ValueError(f"conf_type: expected one of {', '.join(CONF_TYPES)}, got {conf_type!r}")
    if weights is None:
        weights = torch.ones(1, dtype=torch.float64, device="cpu").to(scores.dtype).to(scores.device)
    if weights.dim() != 1 or len(weights) == 0 or not weights.is_floating_point():
        raise ValueError(f"weights: expected floats of shape (M,), got {weights.dtype} of {tuple(weights.shape)}")
    if models is None:
        models = torch.zeros_like(scores, dtype=torch.int64)
    if models.shape != scores.shape or models.dtype != torch.int64:
        raise ValueError(f"models: expected int64 of shape {tuple(scores.shape)}, got {models.dtype}")
    if bool(((models < 0) | (models >= len(weights))).any()):
        raise ValueError(f"models: expected numbers from 0 to {len(weights) - 1}")
    return models, weights

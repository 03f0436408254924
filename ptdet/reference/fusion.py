"""Weighted boxes fusion (Solovyev et al., "Weighted boxes fusion: Ensembling boxes from different object detection
models", Image and Vision Computing 2021)."""

import math

import torch
from torch import Tensor

from .nms import candidates_in_order, check, decreasing, split_by_group
from .overlap import computed, raw_overlap
from .thresholds import exceeds

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
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Fuses boxes in decreasing weighted score: each joins the fused box it overlaps most, if enough, or founds one.

    A fused box is the mean of its members, weighted by score; it moves with each member. A score counts times the
    weight of its model.

    Returns:
        fused (N, 4), confidences (N,): in the order of keep, then 0.
        keep (N,): the founders of the fused boxes by decreasing confidence, ties to the lower index, then -1.
        owner (N,): the founder of the fused box that i is part of, -1 if it was no candidate or its box is cut off.
        kept (): how many there are.
    """
    check(boxes, scores, idxs, iou_threshold, metric, score_threshold, max_output)
    models, weights = check_models(scores, models, weights, conf_type)
    boxes_out, originals = torch.zeros_like(boxes), computed(boxes.detach())
    weights = weights.to(originals.dtype)
    weighted = computed(scores.detach()).to(originals.dtype) * weights[models]
    owner = torch.full_like(models, -1)
    candidates = candidates_in_order(scores, score_threshold).sort().values
    order = candidates[decreasing(weighted[candidates])]
    founders: list[Tensor] = []
    fused: list[Tensor] = []
    confidences: list[Tensor] = []
    for members in split_by_group(order, idxs):
        clusters = cluster(originals, weighted, members, iou_threshold, metric, inclusive)
        for rows, box in clusters:
            owner[torch.stack(rows)] = rows[0]
            founders.append(rows[0])
            fused.append(box)
            confidences.append(confidence(torch.stack(rows), weighted, models, weights, conf_type, allows_overflow))
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
    boxes: Tensor, weighted: Tensor, members: Tensor, iou_threshold: float, metric: str, inclusive: bool
) -> list[tuple[list[Tensor], Tensor]]:
    """Members and fused box of each cluster, in the order of their founders."""
    rows: list[list[Tensor]] = []
    fused, sums, totals = (torch.zeros_like(boxes[members][:, :width]) for width in (4, 4, 1))
    for row in members:
        overlaps = raw_overlap(boxes[row], fused[: len(rows)], metric)
        met = exceeds(overlaps, iou_threshold, inclusive)
        if not met.any():
            at = len(rows)
            rows.append([])
            fused[at] = boxes[row]
        else:
            overlaps = torch.where(met, overlaps, -math.inf)
            at = int(torch.nonzero(overlaps == overlaps.max())[0, 0])
        rows[at].append(row)
        sums[at] += weighted[row] * boxes[row]
        totals[at] += weighted[row]
        mean = sums[at] / totals[at]
        if len(rows[at]) > 1 and totals[at] != 0 and torch.isfinite(mean).all():
            fused[at] = mean
    return [(each, fused[i]) for i, each in enumerate(rows)]


def confidence(
    rows: Tensor, weighted: Tensor, models: Tensor, weights: Tensor, conf_type: str, allows_overflow: bool
) -> Tensor:
    """Of one cluster; sums run in the order of its members, and over models in theirs."""
    count, present = len(rows), torch.isin(torch.arange(len(weights), device=rows.device), models[rows])
    if conf_type == "max":
        return weighted[rows].max() / weights.max()
    average = in_order(weighted[rows]) / weighted.new_full((), count)  # a number would be inverted on a GPU
    if conf_type == "box_and_model_avg":
        share = average * count / in_order(weights[models[rows]])
        return share * in_order(weights[present]) / in_order(weights)
    if conf_type == "absent_model_aware_avg":
        return average * count / (in_order(weights[models[rows]]) + in_order(weights[~present]))
    return average * (count if allows_overflow else min(len(weights), count)) / in_order(weights)


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

"""Weighted boxes fusion as a torch formula that torch.onnx can write down; computed in float32."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..reference import raw_overlap
from ..reference.box_fusion import in_order
from ._greedy_pass import Ranked, exceeds, first, looped
from ._rows import best_of, decreasing, numbered, picked, summed


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
    models = torch.zeros_like(scores, dtype=torch.int64) if models is None else models
    weights = torch.ones(1, device=scores.device) if weights is None else weights.float()
    weighted = scores.float() * weights[models]
    ranked = Ranked(boxes, scores, idxs, score_threshold, decreasing(weighted))
    models, weighted = models[ranked.order], weighted[ranked.order]
    founder, fused, totals = _clusters(ranked, weighted, iou_threshold, metric, inclusive)
    values = _confidences(founder, totals, weighted, models, weights, conf_type, allows_overflow)
    values = torch.zeros_like(values).scatter(0, ranked.order, values)
    confidences, keep, owner, kept = best_of(values, ranked.by_row(founder), max_output, scores.dtype)
    fused = torch.zeros_like(fused).scatter(0, ranked.order[:, None].expand(-1, 4), fused)
    return picked(fused, keep, 0.0).to(boxes.dtype), confidences, keep, owner, kept


def _clusters(
    ranked: Ranked, weighted: Tensor, iou_threshold: float, metric: str, inclusive: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """For each place the one that founded what it is part of, and for each founder its fused box and summed scores."""

    def going(pending: Tensor, *_: Tensor) -> Tensor:
        return pending.sum() > 0

    def turn(
        pending: Tensor, founder: Tensor, fused: Tensor, sums: Tensor,
        boxes: Tensor, weighted: Tensor, ids: Tensor, places: Tensor,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        at = torch.argmax(first(pending), dim=0, keepdim=True)
        box, weight, own = boxes[at], weighted[at][:, None], places == at
        overlaps = raw_overlap(box, fused, metric)
        met = exceeds(overlaps, iou_threshold, inclusive) & (founder == places) & (ids == ids[at])
        most = torch.argmax(torch.where(met, overlaps, -math.inf), dim=0, keepdim=True)
        joined = torch.where(met.sum() > 0, most, at)
        here = (places == joined)[:, None]
        sums = sums + torch.where(here, torch.cat([weight * box, weight], dim=1), 0.0)
        mean = sums[:, :4] / sums[:, 4:]
        moved = here & (joined != at) & torch.isfinite(mean).all(dim=1, keepdim=True)
        fused = torch.where(moved, mean, torch.where(here & own[:, None], box, fused))
        return pending & ~own, torch.where(own, joined, founder), fused, sums

    none = torch.full_like(ranked.rows, -1)
    sums = ranked.boxes.new_zeros(ranked.rows.shape[0], 5)
    carried = (ranked.candidate, none, torch.zeros_like(ranked.boxes), sums)
    _, founder, fused, sums = looped(going, turn, carried, (ranked.boxes, weighted, ranked.ids, ranked.rows))
    return founder, fused, sums[:, 4]


def _confidences(
    founder: Tensor,
    totals: Tensor,
    weighted: Tensor,
    models: Tensor,
    weights: Tensor,
    conf_type: str,
    allows_overflow: bool,
) -> Tensor:
    """Of each founder's cluster."""
    if conf_type == "max":
        return weighted / weights.max()  # a founder has the highest score
    of_models = (models[:, None] == numbered(weights)).float()
    present = summed(of_models, founder) > 0
    count = summed(torch.ones_like(totals)[:, None], founder)[:, 0]
    average = totals / count
    if conf_type == "avg":
        return average * (count if allows_overflow else count.clamp(max=weights.shape[0])) / in_order(weights)
    of_members = summed(weights[models][:, None], founder)[:, 0]
    if conf_type == "box_and_model_avg":
        share = average * count / of_members
        return share * in_order(torch.where(present, weights, 0.0).t()) / in_order(weights)
    return average * count / (of_members + in_order(torch.where(present, 0.0, weights).t()))

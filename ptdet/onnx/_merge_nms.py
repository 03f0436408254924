"""Merge-NMS as a torch formula that torch.onnx can write down; computed in float32."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ._greedy_pass import Ranked, exceeds
from ._nms_variants import Measure, by_metric, hard, read
from ._rows import cut, in_front, owned, picked, summed, within


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
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    ranked, measure = Ranked(boxes, scores, idxs, score_threshold), by_metric(metric)
    owner = hard(ranked, measure, iou_threshold, inclusive, None if members == "best" else max_output)
    kept = owner == ranked.rows
    if members == "best":
        owner, kept = _best_owner(ranked, measure, owner, kept), within(kept, max_output)
        owner = owned(owner, kept)
    if members in ("cluster", "best"):
        weight = ranked.scores
        if weights == "score_overlap":
            shares = measure(ranked.boxes, ranked.boxes[owner.clamp(min=0)])
            weight = weight * torch.where(owner == ranked.rows, 1.0, shares)
        means = _means_of_clusters(ranked.boxes, owner, weight)
    else:
        overlaps, same = _overlaps(ranked, measure)
        itself = ranked.rows[:, None] == ranked.rows
        belongs = same & ranked.candidate & exceeds(overlaps, iou_threshold, inclusive)
        if members == "later":
            belongs = belongs & (ranked.rows > ranked.rows[:, None])
        weight = ranked.scores * torch.where(itself, 1.0, overlaps) if weights == "score_overlap" else ranked.scores
        means = _means(ranked.boxes, torch.where(belongs | itself, weight, 0.0))
    merged = torch.where(torch.isfinite(means).all(dim=1, keepdim=True), means, ranked.boxes)
    return picked(merged, in_front(kept), 0.0).to(boxes.dtype), *read(ranked, kept, owner)


def merge_nms(boxes: Tensor, *rest: Any, **keywords: Any) -> tuple[Tensor, Tensor]:
    merged, keep, *_ = merge_nms_walk(boxes, *rest, **keywords)
    merged, keep = cut(keep, merged)
    return merged, keep


def _overlaps(ranked: Ranked, measure: Measure) -> tuple[Tensor, Tensor]:
    """Of each candidate (a column) with each selected box (a row), and whether the two are of one group."""
    return measure(ranked.boxes, ranked.boxes[:, None]), ranked.ids[:, None] == ranked.ids


def _best_owner(ranked: Ranked, measure: Measure, owner: Tensor, kept: Tensor) -> Tensor:
    """For each removed box the kept box before it that it overlaps most, the first of equals."""
    overlaps, same = _overlaps(ranked, measure)
    asked = same & kept[:, None] & (ranked.rows[:, None] < ranked.rows) & torch.isfinite(overlaps)
    overlaps = torch.where(asked, overlaps, -math.inf)
    none = torch.full_like(ranked.scores, -math.inf)[None]  # runtimes have no argmax of no rows
    best = torch.argmax(torch.cat([overlaps, none]), dim=0)
    return torch.where((owner >= 0) & ~kept, best, owner)


def _means_of_clusters(boxes: Tensor, owner: Tensor, weight: Tensor) -> Tensor:
    """The weighted mean of those that a place owns; not finite if their weights sum to 0."""
    sums = summed(torch.cat([weight[:, None] * boxes, weight[:, None]], dim=1), owner)
    return sums[:, :4] / sums[:, 4:]


def _means(boxes: Tensor, weight: Tensor) -> Tensor:
    """The mean of the boxes under each row of weights; not finite if they sum to 0, or a box of any is not."""
    finite = torch.isfinite(boxes)
    strange = (weight != 0).float() @ (~finite).float() > 0
    sums = weight @ torch.where(finite, boxes, 0.0)
    return torch.where(strange, math.nan, sums / weight.sum(dim=1, keepdim=True))

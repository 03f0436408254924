"""Hard and soft suppression as torch formulas that torch.onnx can write down."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..reference import finite_or_zero, parameter, raw_overlap
from ..reference.overlap import centre_distance_share, iou
from ._greedy_pass import Ranked, exceeds, first, float32_below, greedy_pass
from ._rows import best_of, cut, first_if_nan, in_front, numbered, owned, picked

Measure = Callable[[Tensor, Tensor], Tensor]


def hard(ranked: Ranked, measure: Measure, threshold: float, inclusive: bool, limit: int | None) -> Tensor:
    """The owner of each place."""

    def step(boxes: Tensor, box: Tensor, others: Tensor, own: Tensor) -> tuple[Tensor, ...]:
        return (others & exceeds(measure(boxes, box), threshold, inclusive),)

    return greedy_pass(ranked, ranked.candidate, first, step, limit=limit)[0]


def by_metric(metric: str) -> Measure:
    return lambda candidates, selected: raw_overlap(candidates, selected, metric)


def read(ranked: Ranked, kept: Tensor, owner: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """keep, owner and how many are kept."""
    return picked(ranked.order, in_front(kept), -1), ranked.by_row(owner), kept.sum()


def nms_walk(
    boxes: Tensor,
    scores: Tensor,
    idxs: Tensor | None,
    iou_threshold: float,
    metric: str = "iou",
    inclusive: bool = False,
    score_threshold: float | None = None,
    max_output: int | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    ranked = Ranked(boxes, scores, idxs, score_threshold)
    owner = hard(ranked, by_metric(metric), iou_threshold, inclusive, max_output)
    return read(ranked, owner == ranked.rows, owner)


def diou_nms_walk(
    boxes: Tensor,
    scores: Tensor,
    idxs: Tensor | None,
    iou_threshold: float,
    beta: float = 1.0,
    inclusive: bool = False,
    score_threshold: float | None = None,
    max_output: int | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    def measure(candidates: Tensor, selected: Tensor) -> Tensor:
        return iou(candidates, selected) - centre_distance_share(candidates, selected) ** beta

    ranked = Ranked(boxes, scores, idxs, score_threshold)
    owner = hard(ranked, measure, iou_threshold, inclusive, max_output)
    return read(ranked, owner == ranked.rows, owner)


def and_nms_walk(
    boxes: Tensor,
    scores: Tensor,
    idxs: Tensor | None,
    iou_threshold: float,
    overlap_threshold: float = 0.5,
    metric: str = "iou",
    inclusive: bool = True,
    score_threshold: float | None = None,
    max_output: int | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    ranked = Ranked(boxes, scores, idxs, score_threshold)

    def step(boxes: Tensor, box: Tensor, others: Tensor, own: Tensor, confirmed: Tensor) -> tuple[Tensor, ...]:
        overlaps = raw_overlap(boxes, box, metric)
        confirms = others & exceeds(overlaps, overlap_threshold, inclusive=False)
        return others & exceeds(overlaps, iou_threshold, inclusive), confirmed | (own & (confirms.sum() > 0))

    none = torch.zeros_like(ranked.candidate)
    owner, kept = greedy_pass(ranked, ranked.candidate, first, step, (none,))
    if max_output is not None:
        before = torch.cumsum(kept.to(torch.int64), 0) - kept.to(torch.int64)
        reached = (before < max_output) | (kept.sum() <= max_output)
        kept, owner = kept & reached, owned(owner, reached)
    return read(ranked, kept, owner)


def and_nms(*arguments: Any, **keywords: Any) -> Tensor:
    return cut(and_nms_walk(*arguments, **keywords)[0])[0]


def soft_nms_walk(
    boxes: Tensor,
    scores: Tensor,
    idxs: Tensor | None,
    iou_threshold: float = 0.3,
    sigma: float = 0.5,
    min_score: float = 0.001,
    kind: str = "gaussian",
    reselect: bool = True,
    metric: str = "iou",
    inclusive: bool = False,
    score_threshold: float | None = None,
    max_output: int | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    ranked = Ranked(boxes, scores, idxs, score_threshold, numbered(scores) if reselect else None)

    def alive(scores: Tensor) -> Tensor:
        return first_if_nan(scores) > float32_below(min_score)

    def best(pending: Tensor, current: Tensor) -> Tensor:
        return torch.where(pending, first_if_nan(current), -math.inf)

    def left_of(scores: Tensor, overlaps: Tensor) -> Tensor:
        share = finite_or_zero(overlaps).clamp(min=0)
        if kind == "gaussian":
            return scores * torch.exp(-(share * share) / parameter(sigma, share.dtype))
        decayed = scores * (1 - share) if kind == "linear" else torch.zeros_like(scores)
        return torch.where(exceeds(overlaps, iou_threshold, inclusive), decayed, scores)

    def step(boxes: Tensor, box: Tensor, others: Tensor, own: Tensor, current: Tensor) -> tuple[Tensor, ...]:
        current = torch.where(others, left_of(current, raw_overlap(boxes, box, metric)), current)
        return others & ~alive(current), current

    pending = ranked.candidate & alive(ranked.scores)
    limit = max_output if reselect else None
    owner, current = greedy_pass(ranked, pending, best if reselect else first, step, (ranked.scores,), limit)
    decayed = torch.zeros_like(current).scatter(0, ranked.order, current)
    return best_of(decayed, ranked.by_row(owner), max_output, scores.dtype)

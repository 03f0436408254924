"""Soft suppression (Bodla et al., "Soft-NMS -- Improving Object Detection With One Line of Code", ICCV 2017)."""

import math

import torch
from torch import Tensor

from .box_shape import ALIGNED, Shape
from .elementary import exponential
from .nms import candidates_in_order, check, decreasing, split_by_group
from .overlap import computed, finite_or_zero
from .parameter import parameter
from .thresholds import above, exceeds

KINDS = ("gaussian", "linear", "hard")


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
    *,
    shape: Shape = ALIGNED,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Selects the best box that is left and lets the scores of the others decay by their overlap with it.

    Which is best is asked anew after each selection (`reselect`), or settled by the scores as given. A box whose score
    comes to min_score or below is not selected.

    Returns:
        decayed (N,): the scores of the selected boxes in the order of keep, then 0.
        keep (N,): the selected boxes by decreasing decayed score, ties to the lower index, then -1.
        owner (N,): the box whose decay took i to min_score or below, i itself if it is kept, else -1.
        num_kept (): how many are kept.
    """
    check(boxes, scores, idxs, iou_threshold, metric, score_threshold, max_output, shape.numbers, shape.metrics)
    check_soft(scores, sigma, min_score, kind)
    rows, current = shape.rows(boxes), computed(scores.detach()).clone()
    owner = torch.full_like(current, -1, dtype=torch.int64)
    for rest in split_by_group(candidates_in_order(scores, score_threshold), idxs):
        rest = rest[alive(current[rest], min_score)]
        emitted = 0
        while len(rest) > 0 and (not reselect or max_output is None or emitted < max_output):
            at = best(current[rest], rest) if reselect else 0
            selected, rest = rest[at], torch.cat([rest[:at], rest[at + 1 :]])
            owner[selected], emitted = selected, emitted + 1
            overlaps = shape.overlap(rows[rest], rows[selected], metric)
            current[rest] = decay(current[rest], overlaps, iou_threshold, inclusive, sigma, kind)
            left = alive(current[rest], min_score)
            owner[rest[~left]] = selected
            rest = rest[left]
    selected = torch.nonzero(owner == torch.arange(len(owner), device=owner.device))[:, 0]
    kept = selected[decreasing(current[selected])][:max_output]
    owner = torch.where(torch.isin(owner, kept), owner, -1)
    keep = torch.full_like(owner, -1)
    keep[: len(kept)] = kept
    decayed = torch.zeros_like(scores)
    decayed[: len(kept)] = current[kept].to(scores.dtype)
    return decayed, keep, owner, torch.tensor(len(kept), dtype=torch.int64, device=boxes.device)


def alive(scores: Tensor, min_score: float) -> Tensor:
    return above(scores, min_score) | torch.isnan(scores)


def best(scores: Tensor, rows: Tensor) -> int:
    """The place of the highest score, NaN above all, ties to the lower row."""
    by_row = torch.sort(rows).indices
    return int(by_row[decreasing(scores[by_row])[0]])


def decay(scores: Tensor, overlaps: Tensor, iou_threshold: float, inclusive: bool, sigma: float, kind: str) -> Tensor:
    """A measure below 0 decays nothing: no score rises."""
    share = finite_or_zero(overlaps).clamp(min=0).to(scores.dtype)
    if kind == "gaussian":
        divisor = share.new_full((), parameter(sigma, share.dtype))  # a number would be inverted on a GPU
        return scores * exponential(-(share * share) / divisor)
    met = exceeds(overlaps, iou_threshold, inclusive)
    return torch.where(met, scores * (1 - share) if kind == "linear" else torch.zeros_like(scores), scores)


def check_soft(scores: Tensor, sigma: float, min_score: float, kind: str) -> None:
    check_decay(sigma, min_score, kind, KINDS)
    if bool((scores < 0).any()):
        raise ValueError("scores: expected numbers >= 0, got one below")


def check_decay(sigma: float, min_score: float, kind: str, kinds: tuple[str, ...]) -> None:
    if kind not in kinds:
        raise ValueError(f"kind: expected one of {', '.join(kinds)}, got {kind!r}")
    if not (sigma > 0 and math.isfinite(sigma)):
        raise ValueError(f"sigma: expected a finite number > 0, got {sigma}")
    if math.isnan(min_score):
        raise ValueError("min_score: expected a number, got nan")

"""Variants of the greedy pass: DIoU with a power, and the one whose kept boxes must be confirmed."""

import math

import torch
from torch import Tensor

from .box_shape import ALIGNED, Shape
from .elementary import power
from .nms import candidates_in_order, check, greedy, nms_walk, split_by_group
from .overlap import FLOATS
from .thresholds import exceeds

__all__ = ["adaptive_nms_walk", "and_nms", "and_nms_walk", "diou_nms_walk"]


def diou_nms_walk(
    boxes: Tensor,
    scores: Tensor,
    idxs: Tensor | None,
    iou_threshold: float,
    beta: float = 1.0,
    inclusive: bool = False,
    score_threshold: float | None = None,
    max_output: int | None = None,
    *,
    shape: Shape = ALIGNED,
) -> tuple[Tensor, Tensor, Tensor]:
    """`nms_walk` under IoU - (rho2 / c2)^beta."""
    check(boxes, scores, idxs, iou_threshold, "diou", score_threshold, max_output, shape.numbers, shape.metrics)
    if not (beta > 0 and math.isfinite(beta)):
        raise ValueError(f"beta: expected a finite number > 0, got {beta}")

    def removes(candidates: Tensor, selected: Tensor, row: Tensor) -> Tensor:
        penalty = shape.distance(candidates, selected)
        penalty = penalty if beta == 1 else power(penalty, beta)
        return exceeds(shape.overlap(candidates, selected, "iou") - penalty, iou_threshold, inclusive)

    return greedy(shape.rows(boxes), scores, idxs, removes, score_threshold, max_output)


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
    *,
    shape: Shape = ALIGNED,
) -> tuple[Tensor, Tensor, Tensor]:
    """The greedy pass that keeps only those selected boxes that overlap a box then alive by > overlap_threshold.

    Returns:
        keep (N,), num_kept (): as `nms_walk`.
        owner (N,): the selected box that removed i, i itself if selected, -1 if it was no candidate, or if its owner
            was selected after the last kept box that max_output lets through.
    """
    check(boxes, scores, idxs, iou_threshold, metric, score_threshold, max_output, shape.numbers, shape.metrics)
    if math.isnan(overlap_threshold):
        raise ValueError("overlap_threshold: expected a number, got nan")
    _, owner, _ = nms_walk(boxes, scores, idxs, iou_threshold, metric, inclusive, score_threshold, shape=shape)
    order, rows = candidates_in_order(scores, score_threshold), shape.rows(boxes)
    confirmed = torch.zeros_like(owner, dtype=torch.bool)
    place = torch.full_like(owner, -1)
    place[order] = torch.arange(len(order), device=order.device)
    for members in split_by_group(order, idxs):
        for at, selected in enumerate(members):
            if owner[selected] != selected:
                continue
            later = members[at + 1 :]
            alive = later[place[owner[later]] >= place[selected]]
            overlaps = shape.overlap(rows[alive], rows[selected], metric)
            confirmed[selected] = exceeds(overlaps, overlap_threshold).any()
    kept = order[confirmed[order]]
    if max_output is not None and max_output < len(kept):
        kept = kept[:max_output]
        end = int(place[kept[-1]]) if len(kept) else -1
        owner = torch.where((owner >= 0) & (place[owner.clamp(min=0)] <= end), owner, -1)
    keep = torch.full_like(owner, -1)
    keep[: len(kept)] = kept
    return keep, owner, torch.tensor(len(kept), dtype=torch.int64, device=boxes.device)


def and_nms(
    boxes: Tensor,
    scores: Tensor,
    idxs: Tensor | None,
    iou_threshold: float,
    overlap_threshold: float = 0.5,
    metric: str = "iou",
    inclusive: bool = True,
    score_threshold: float | None = None,
    max_output: int | None = None,
    *,
    shape: Shape = ALIGNED,
) -> Tensor:
    """The kept indices (K,) of `and_nms_walk`."""
    options = (iou_threshold, overlap_threshold, metric, inclusive, score_threshold, max_output)
    keep, _, kept = and_nms_walk(boxes, scores, idxs, *options, shape=shape)
    return keep[: int(kept)].clone()


def adaptive_nms_walk(
    boxes: Tensor,
    scores: Tensor,
    idxs: Tensor | None,
    densities: Tensor,
    iou_threshold: float = 0.5,
    metric: str = "iou",
    inclusive: bool = False,
    score_threshold: float | None = None,
    max_output: int | None = None,
    *,
    shape: Shape = ALIGNED,
) -> tuple[Tensor, Tensor, Tensor]:
    """`nms_walk` in which a kept box removes what overlaps it by more than max(iou_threshold, its density)."""
    check(boxes, scores, idxs, iou_threshold, metric, score_threshold, max_output, shape.numbers, shape.metrics)
    if densities.layout != torch.strided or densities.dtype not in FLOATS:
        raise TypeError(f"densities: expected a dense tensor of a floating dtype, got {densities.dtype}")
    if densities.shape != scores.shape or densities.device != boxes.device:
        raise ValueError(f"densities: expected shape {tuple(scores.shape)} on {boxes.device}")
    if bool(torch.isnan(densities).any()):
        raise ValueError("densities: expected numbers, got nan")

    def removes(candidates: Tensor, selected: Tensor, row: Tensor) -> Tensor:
        threshold = max(iou_threshold, float(densities[row]))
        return exceeds(shape.overlap(candidates, selected, metric), threshold, inclusive)

    return greedy(shape.rows(boxes), scores, idxs, removes, score_threshold, max_output)

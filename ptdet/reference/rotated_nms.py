"""Hard suppression of rotated boxes, row by row."""

import torch
from torch import Tensor

from .nms import check, greedy
from .rotated_overlap import ROTATED_METRICS, Turned, turned, wide
from .thresholds import exceeds


def rotated_nms_walk(
    boxes: Tensor,
    scores: Tensor,
    idxs: Tensor | None,
    iou_threshold: float,
    metric: str = "iou",
    inclusive: bool = False,
    score_threshold: float | None = None,
    max_output: int | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """keep, owner and num_kept as `nms_walk` has them, of boxes (N, 5)."""
    check(boxes, scores, idxs, iou_threshold, metric, score_threshold, max_output, 5, ROTATED_METRICS)
    if boxes.device.type == "mps":  # has no float64
        there = None if idxs is None else idxs.cpu()
        rest = (iou_threshold, metric, inclusive, score_threshold, max_output)
        keep, owner, kept = rotated_nms_walk(boxes.cpu(), scores.cpu(), there, *rest)
        return keep.to(boxes.device), owner.to(boxes.device), kept.to(boxes.device)

    def removes(candidates: Tensor, selected: Tensor, row: Tensor) -> Tensor:
        overlaps = ROTATED_METRICS[metric](Turned(*candidates.unbind(-1)), Turned(*selected.unbind(-1)))
        return exceeds(overlaps, iou_threshold, inclusive)

    rows = torch.stack(turned(wide(boxes.detach())), dim=-1)
    return greedy(rows, scores, idxs, removes, score_threshold, max_output)


def rotated_nms(
    boxes: Tensor,
    scores: Tensor,
    idxs: Tensor | None,
    iou_threshold: float,
    metric: str = "iou",
    inclusive: bool = False,
    score_threshold: float | None = None,
    max_output: int | None = None,
) -> Tensor:
    """The kept indices (K,) of `rotated_nms_walk`."""
    keep, _, kept = rotated_nms_walk(boxes, scores, idxs, iou_threshold, metric, inclusive, score_threshold, max_output)
    return keep[: int(kept)].clone()

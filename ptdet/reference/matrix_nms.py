"""Suppression in matrix form: every box is asked of every better one of its group, whether that one is kept or not."""

import torch
from torch import Tensor

from .box_shape import ALIGNED, Shape
from .elementary import exponential
from .nms import candidates_in_order, check, decreasing, split_by_group
from .overlap import computed, finite_or_zero
from .parameter import parameter
from .soft_nms import alive, check_decay
from .thresholds import exceeds


def fast_nms_walk(
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
    """Fast NMS (Bolya et al., "YOLACT: Real-time Instance Segmentation", ICCV 2019).

    Returns:
        keep (N,): the boxes that no better one overlaps enough, by decreasing score, then -1.
        owner (N,): the best box that overlaps i enough, i itself if there is none; -1 if i was no candidate, or if
            that box comes after the last one kept.
        num_kept (): how many are kept.
    """
    check(boxes, scores, idxs, iou_threshold, metric, score_threshold, max_output, shape.numbers, shape.metrics)
    values, order = shape.rows(boxes), candidates_in_order(scores, score_threshold)
    owner = torch.full_like(scores, -1, dtype=torch.int64)
    for rows in split_by_group(order, idxs):
        owner[rows] = rows
        for i, row in enumerate(rows):
            met = exceeds(shape.overlap(values[row], values[rows[:i]], metric), iou_threshold, inclusive)
            if met.any():
                owner[row] = rows[:i][met][0]
    kept = order[owner[order] == order]
    if max_output is not None and max_output < len(kept):
        kept = kept[:max_output]
        end = 0 if max_output == 0 else int((order == kept[-1]).nonzero()) + 1
        owner = torch.where(torch.isin(owner, order[:end]), owner, -1)
    keep = torch.full_like(owner, -1)
    keep[: len(kept)] = kept
    return keep, owner, torch.tensor(len(kept), dtype=torch.int64, device=boxes.device)


def matrix_nms_walk(
    boxes: Tensor,
    scores: Tensor,
    idxs: Tensor | None,
    sigma: float = 2.0,
    min_score: float = 0.001,
    kind: str = "gaussian",
    metric: str = "iou",
    score_threshold: float | None = None,
    max_output: int | None = None,
    *,
    shape: Shape = ALIGNED,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Matrix NMS (Wang et al., "SOLOv2: Dynamic and Fast Instance Segmentation", NeurIPS 2020).

    Returns:
        decayed (N,): the scores of the kept boxes in the order of keep, then 0.
        keep (N,): the boxes whose score stays above min_score, by decreasing decayed score, then -1.
        owner (N,): i itself if it is kept; of a candidate that is dropped the box that weighs most on it, -1 if none
            does or if max_output cut it off.
        num_kept (): how many are kept.
    """
    check(boxes, scores, idxs, 0.0, metric, score_threshold, max_output, shape.numbers, shape.metrics)
    check_decay(sigma, min_score, kind, ("gaussian", "linear"))
    values, current = shape.rows(boxes), computed(scores.detach()).clone()
    owner = torch.full_like(current, -1, dtype=torch.int64)
    candidates = candidates_in_order(scores, score_threshold)

    def left(share: Tensor) -> Tensor:
        return exponential(-parameter(sigma, share.dtype) * (share * share)) if kind == "gaussian" else 1 - share

    for rows in split_by_group(candidates, idxs):
        if len(rows) == 0:
            continue
        overlaps = finite_or_zero(shape.overlap(values[rows][:, None], values[rows], metric)).clamp(min=0).tril(-1)
        relief = left(overlaps.amax(dim=1))
        better = torch.ones_like(overlaps, dtype=torch.bool).tril(-1) & (relief > 0)
        ratio = torch.where(better, left(overlaps) / torch.where(relief > 0, relief, 1.0), 1.0)
        least = ratio.amin(dim=1)
        first = (ratio == least[:, None]).to(torch.uint8).argmax(dim=1)
        owner[rows] = torch.where(least < 1, rows[first], -1)
        current[rows] *= least.clamp(max=1).to(current.dtype)
    kept = torch.sort(candidates).values
    kept = kept[alive(current[kept], min_score)]
    owner[kept] = -1
    kept = kept[decreasing(current[kept])][:max_output]
    owner[kept] = kept
    keep = torch.full_like(owner, -1)
    keep[: len(kept)] = kept
    decayed = torch.zeros_like(scores)
    decayed[: len(kept)] = current[kept].to(scores.dtype)
    return decayed, keep, owner, torch.tensor(len(kept), dtype=torch.int64, device=boxes.device)

"""Fusion of what several models found: the calls of ensemble-boxes, on tensors of any coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ._checks import FLOATS, check_tensor
from ._method_checks import CONF_TYPES, one_of, positive
from ._operators import MERGE_NMS_WALK, WBF_WALK, past_autograd
from ._results import cut
from ._weights import shared_weights
from .reference import computed, exceeds
from .reference.loss_terms import guarded


def weighted_boxes_fusion(
    boxes_list: Sequence[Tensor],
    scores_list: Sequence[Tensor],
    labels_list: Sequence[Tensor],
    weights: Sequence[float] | None = None,
    iou_thr: float = 0.55,
    skip_box_thr: float = 0.0,
    conf_type: str = "avg",
    allows_overflow: bool = False,
    *,
    return_owner: bool = False,
) -> tuple[Tensor, ...]:
    """Weighted boxes fusion: each box, by decreasing weighted score, joins the fused box it overlaps most.

    It joins if IoU > iou_thr with a fused box of its label, else it founds one; a fused box is the mean of its members
    weighted by score, and moves with each. The confidence of n members of weighted scores s: "avg":
    `mean(s) min(n, M) / sum(weights)` (`n` if allows_overflow); "max": `max(s) / max(weights)`; "box_and_model_avg":
    `sum(s) / sum(w) * sum(w of models present) / sum(weights)`; "absent_model_aware_avg": `sum(s) / (sum(w) +
    sum(weights of models absent))`.

    Args:
        boxes_list: for each of M models (N_m, 4) x1, y1, x2, y2 in any unit, all of one floating dtype.
        scores_list: for each model (N_m,).
        labels_list: for each model (N_m,), any integer or floating dtype.
        weights: of the M models, above 0; 1 each if None.
        iou_thr: any number but NaN.
        skip_box_thr: boxes whose score is below it take no part.
        conf_type, allows_overflow: as above.
        return_owner: also say for each box, models one after the other, which box founded what it is part of.

    Returns:
        boxes (K, 4), scores (K,), labels (K,) by decreasing confidence, ties to the founder that comes first; boxes
            and scores carry gradients, the selection held fixed. With `return_owner` also owner (N,), -1 if it took no
            part.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.

    Unlike ensemble-boxes it clips nothing to [0, 1], swaps no corners and keeps boxes without area (which join none).

    Solovyev et al., "Weighted boxes fusion: Ensembling boxes from different object detection models", Image and Vision
    Computing 2021.

    >>> import torch, ptdet
    >>> boxes = [torch.tensor([[0., 0., 10., 10.]]), torch.tensor([[2., 0., 12., 10.]])]
    >>> labels = [torch.tensor([1])] * 2
    >>> ptdet.weighted_boxes_fusion(boxes, [torch.tensor([.75]), torch.tensor([.25])], labels)
    (tensor([[ 0.5000,  0.0000, 10.5000, 10.0000]]), tensor([0.5000]), tensor([1]))
    """
    one_of("conf_type", conf_type, CONF_TYPES)
    boxes, scores, labels, models, of_models = _gathered(boxes_list, scores_list, labels_list, weights)
    part = _taking_part(scores, skip_box_thr)
    fused, confidences, keep, owner, kept = past_autograd(
        WBF_WALK, boxes[part], scores[part], labels[part], models[part], of_models, iou_thr, conf_type, allows_overflow
    )
    fused, confidences, keep = cut(keep, kept, fused, confidences)
    found = fused, confidences, labels[part][keep]
    return (*found, _in_all_rows(owner, part, scores)) if return_owner else found


def non_maximum_weighted(
    boxes_list: Sequence[Tensor],
    scores_list: Sequence[Tensor],
    labels_list: Sequence[Tensor],
    weights: Sequence[float] | None = None,
    iou_thr: float = 0.55,
    skip_box_thr: float = 0.0,
    *,
    return_owner: bool = False,
) -> tuple[Tensor, ...]:
    """Non-maximum weighted: each kept box becomes the mean of the boxes that overlap it most.

    Boxes are kept as by `nms` within a label, by weighted score; each other box belongs to the kept box of highest
    IoU, and counts with its weighted score times that IoU. A kept box's score stays, times its model's share
    `weight / max(weights)`.

    Args and what is returned and raised: as `weighted_boxes_fusion`.

    Zhou et al., "CAD: Scale Invariant Framework for Real-Time Object Detection", ICCV Workshops 2017.

    >>> import torch, ptdet
    >>> boxes, labels = [torch.tensor([[0., 0., 10., 10.]]), torch.tensor([[0., 0., 10., 8.]])], [torch.tensor([1])] * 2
    >>> ptdet.non_maximum_weighted(boxes, [torch.tensor([.8]), torch.tensor([.5])], labels)
    (tensor([[ 0.0000,  0.0000, 10.0000,  9.3333]]), tensor([0.8000]), tensor([1]))
    """
    boxes, scores, labels, models, of_models = _gathered(boxes_list, scores_list, labels_list, weights)
    part = _taking_part(scores, skip_box_thr)
    dtype = computed(scores).dtype
    weighted = (guarded(scores, dtype) * (of_models / of_models.max()).to(dtype)[models])[part]
    merged, keep, owner, kept = MERGE_NMS_WALK(
        boxes[part], weighted, labels[part], iou_thr, members="best", weights="score_overlap"
    )
    merged, keep = cut(keep, kept, merged)
    found = merged, weighted[keep].to(scores.dtype), labels[part][keep]
    return (*found, _in_all_rows(owner, part, scores)) if return_owner else found


def _gathered(
    boxes_list: Any, scores_list: Any, labels_list: Any, weights: Any
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """All models' boxes, scores and labels one after the other, the model of each, and what the models weigh."""
    lists = {"boxes_list": boxes_list, "scores_list": scores_list, "labels_list": labels_list}
    for name, given in lists.items():
        if not isinstance(given, Sequence):
            raise TypeError(f"{name}: expected a list of tensors, one a model, got {type(given).__name__}")
        for m, each in enumerate(given):
            check_tensor(f"{name}[{m}]", each)
        if len(given) != len(boxes_list) or len(given) == 0:
            raise ValueError(f"{name}: expected one tensor for each of {len(boxes_list)} models, got {len(given)}")
    for m, (boxes, scores, labels) in enumerate(zip(boxes_list, scores_list, labels_list, strict=True)):
        if boxes.dim() != 2 or boxes.shape[1] != 4:
            raise ValueError(f"boxes_list[{m}]: expected shape (N, 4), got {tuple(boxes.shape)}")
        if boxes.dtype not in FLOATS:
            raise TypeError(f"boxes_list[{m}]: expected float64, float32, float16 or bfloat16, got {boxes.dtype}")
        for name, each in (("scores_list", scores), ("labels_list", labels)):
            if each.shape != boxes.shape[:1]:
                raise ValueError(f"{name}[{m}]: expected shape ({boxes.shape[0]},), got {tuple(each.shape)}")
    weights = [1.0] * len(boxes_list) if weights is None else list(weights)
    if len(weights) != len(boxes_list):
        raise ValueError(f"weights: expected one for each of {len(boxes_list)} models, got {len(weights)}")
    for weight in weights:
        positive("weights", weight)
    boxes, scores, labels = (torch.cat(list(each)) for each in lists.values())
    models = torch.cat([torch.full_like(each, m, dtype=torch.int64) for m, each in enumerate(scores_list)])
    dtype = computed(boxes).dtype
    shares = torch.tensor(shared_weights(weights, dtype == torch.float64), dtype=dtype, device=boxes.device)
    return boxes, scores, labels, models, shares


def _taking_part(scores: Tensor, skip_box_thr: float) -> Tensor | slice:
    """Rows whose score is not below the threshold, in their own order; a slice if all are."""
    if not scores.is_floating_point():
        raise TypeError(f"scores_list: expected floating dtypes, got {scores.dtype}")
    values = computed(scores.detach())
    below = ~exceeds(values, skip_box_thr, inclusive=True) & (torch.isfinite(values) | (values < 0))
    if not torch.compiler.is_compiling() and not bool(below.any()):
        return slice(None)
    return torch.nonzero(~below)[:, 0]


def _in_all_rows(owner: Tensor, part: Tensor | slice, scores: Tensor) -> Tensor:
    if isinstance(part, slice):
        return owner
    found = torch.full_like(scores, -1, dtype=torch.int64)
    found[part] = torch.where(owner >= 0, part[owner.clamp(min=0)], -1)
    return found

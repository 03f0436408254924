"""Fusion of what several models found: the calls of ensemble-boxes, on tensors of any coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .._library.checks import (
    FLOATS,
    ID_TYPES,
    UNEXPLAINED,
    check_dense,
    check_has_data,
    check_ids_are_numbers,
    numbers_of_boxes,
)
from .._library.pieces import any_is, by_piece, filled, is_recorded, joined, pieces, places_where
from .._library.register import operator, past_autograd
from .._shared.checks import check_flag, check_number, check_positive
from .._shared.parameters import PARAMETERS
from .._shared.shapes import Rotated
from .._shared.weights import one_a_model, shared_weights
from ..reference import computed, exceeds
from ..reference.loss_terms import guarded
from ._results import cut, rows_at


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
        boxes (K, 4), scores (K,), labels (K,) by decreasing confidence, ties to the earlier founder; boxes
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
    lists = (boxes_list, scores_list, labels_list, weights)
    return _weighted_boxes(lists, iou_thr, skip_box_thr, conf_type, allows_overflow, return_owner)


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
    lists = (boxes_list, scores_list, labels_list, weights)
    return _weighted_maximum(lists, iou_thr, skip_box_thr, return_owner)


def _shaped(boxes_list: Any, *rest: Any) -> tuple[str, tuple[Any, ...]]:
    """What the names of the operators for boxes of this shape begin with."""
    return ("rotated_", (boxes_list.boxes, *rest)) if type(boxes_list) is Rotated else ("", (boxes_list, *rest))


def _weighted_boxes(
    lists: tuple[Any, ...],
    iou_thr: float,
    skip_box_thr: float,
    conf_type: str,
    allows_overflow: bool,
    return_owner: bool,
) -> tuple[Tensor, ...]:
    PARAMETERS["conf_type"].check("conf_type", conf_type)
    check_flag("allows_overflow", allows_overflow)
    check_flag("return_owner", return_owner)
    shape, lists = _shaped(*lists)
    walk = f"{shape}wbf_walk"
    boxes, scores, labels, models, of_models = _gathered(numbers_of_boxes(walk), *lists)
    options = (of_models, iou_thr, conf_type, allows_overflow)
    try:
        part = _taking_part(scores, skip_box_thr)
        boxes, own_scores, labels, models = (_at(each, part) for each in (boxes, scores, labels, models))
        fused, confidences, keep, owner, kept = past_autograd(
            operator(walk), boxes, own_scores, labels, models, *options
        )
        fused, confidences, keep = cut(keep, kept, fused, confidences)
    except UNEXPLAINED:
        _explain(boxes, iou_thr, skip_box_thr)
        raise
    found = fused, confidences, rows_at(labels, keep)
    return (*found, _in_all_rows(owner, part, scores)) if return_owner else found


def _weighted_maximum(
    lists: tuple[Any, ...], iou_thr: float, skip_box_thr: float, return_owner: bool
) -> tuple[Tensor, ...]:
    check_flag("return_owner", return_owner)
    shape, lists = _shaped(*lists)
    walk = f"{shape}merge_nms_walk"
    boxes, scores, labels, models, of_models = _gathered(numbers_of_boxes(walk), *lists)
    try:
        part = _taking_part(scores, skip_box_thr)
        dtype = computed(scores).dtype
        shares = rows_at((of_models / of_models.max()).to(dtype), models)
        weighted = by_piece(lambda some, share: guarded(some, dtype) * share, scores, shares)
        boxes, weighted, labels = (_at(each, part) for each in (boxes, weighted, labels))
        merged, keep, owner, kept = operator(walk)(
            boxes, weighted, labels, iou_thr, members="best", weights="score_overlap"
        )
        merged, keep = cut(keep, kept, merged)
    except UNEXPLAINED:
        _explain(boxes, iou_thr, skip_box_thr)
        raise
    kept_scores = by_piece(lambda some: some.to(scores.dtype), rows_at(weighted, keep))
    found = merged, kept_scores, rows_at(labels, keep)
    return (*found, _in_all_rows(owner, part, scores)) if return_owner else found


def _gathered(
    numbers: int, boxes_list: Any, scores_list: Any, labels_list: Any, weights: Any
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """All models' boxes, scores and labels one after the other, the model of each, and what the models weigh."""
    lists = {"boxes_list": boxes_list, "scores_list": scores_list, "labels_list": labels_list}
    for name, given in lists.items():
        if not isinstance(given, Sequence):
            raise TypeError(f"{name}: expected a list of tensors, one a model, got {type(given).__name__}")
        for m, each in enumerate(given):
            check_dense(**{f"{name}[{m}]": each})
        if len(given) != len(boxes_list) or len(given) == 0:
            raise ValueError(f"{name}: expected one tensor for each of {len(boxes_list)} models, got {len(given)}")
    for m, (boxes, scores, labels) in enumerate(zip(boxes_list, scores_list, labels_list, strict=True)):
        if boxes.dim() != 2 or boxes.shape[1] != numbers:
            raise ValueError(f"boxes_list[{m}]: expected shape (N, {numbers}), got {tuple(boxes.shape)}")
        if boxes.dtype not in FLOATS:
            raise TypeError(f"boxes_list[{m}]: expected float64, float32, float16 or bfloat16, got {boxes.dtype}")
        for name, each in (("scores_list", scores), ("labels_list", labels)):
            if each.shape != boxes.shape[:1]:
                raise ValueError(f"{name}[{m}]: expected shape ({boxes.shape[0]},), got {tuple(each.shape)}")
            if each.device != boxes_list[0].device:
                raise ValueError(f"{name}[{m}]: expected device {boxes_list[0].device}, got {each.device}")
        if scores.dtype not in FLOATS:
            raise TypeError(f"scores_list[{m}]: expected float64, float32, float16 or bfloat16, got {scores.dtype}")
        if labels.dtype not in ID_TYPES:
            raise TypeError(f"labels_list[{m}]: expected integers, bools or floats, got {labels.dtype}")
        check_ids_are_numbers(labels, f"labels_list[{m}]")
    if isinstance(weights, Tensor):
        check_dense(weights=weights)
        check_has_data("weights", weights)
        weights = weights.tolist()
    weights = one_a_model([1.0] * len(boxes_list) if weights is None else weights, len(boxes_list))
    for weight in weights:
        check_positive("weights", weight)
    of_all = []
    for name, given in lists.items():
        try:
            of_all.append(joined(given))
        except RuntimeError as error:  # no dtype holds uint64 and signed integers
            dtypes = ", ".join(sorted({str(each.dtype) for each in given}))
            raise TypeError(f"{name}: expected dtypes that have a common one, got {dtypes}") from error
    boxes, scores, labels = of_all
    models = joined(filled(each, m) for m, each in enumerate(scores_list))
    dtype = computed(boxes).dtype
    shares = torch.tensor(shared_weights(weights, dtype == torch.float64), dtype=dtype, device=boxes.device)
    return boxes, scores, labels, models, shares


def _explain(boxes: Tensor, iou_thr: Any, skip_box_thr: Any) -> None:
    check_number("iou_thr", iou_thr)
    check_number("skip_box_thr", skip_box_thr)
    check_has_data("boxes_list", boxes)


def _taking_part(scores: Tensor, skip_box_thr: float) -> Tensor | None:
    """Rows whose score is not below the threshold, in their own order; None if all are."""

    def below(some: Tensor) -> Tensor:
        values = computed(some)
        return ~exceeds(values, skip_box_thr, inclusive=True) & (torch.isfinite(values) | (values < 0))

    if not is_recorded() and not any_is(below, scores.detach()):
        return None
    return places_where(lambda some: ~below(some), scores.detach())


def _at(values: Tensor, part: Tensor | None) -> Tensor:
    return values if part is None else rows_at(values, part)


def _in_all_rows(owner: Tensor, part: Tensor | None, scores: Tensor) -> Tensor:
    if part is None:
        return owner
    found, mine = filled(scores, -1), rows_at(part, owner, -1)
    for some, rows in zip(pieces(part), pieces(mine), strict=True):
        found.scatter_(0, some, rows)
    return found

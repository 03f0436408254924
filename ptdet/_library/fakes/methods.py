"""Fakes of the other methods: walks of fixed shape, or as many results as data says."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .. import method_checks as checks
from .suppression import indices


def diou_nms_walk(boxes: Tensor, *rest: Any, **keywords: Any) -> tuple[Tensor, Tensor, Tensor]:
    checks.check_diou(boxes, *rest, **keywords)
    return indices(boxes)


def and_nms_walk(boxes: Tensor, *rest: Any, **keywords: Any) -> tuple[Tensor, Tensor, Tensor]:
    checks.check_and(boxes, *rest, **keywords)
    return indices(boxes)


def and_nms(boxes: Tensor, *rest: Any, **keywords: Any) -> Tensor:
    checks.check_and(boxes, *rest, **keywords)
    return boxes.new_empty(torch.library.get_ctx().new_dynamic_size(min=0), dtype=torch.int64)


def merge_nms_walk(boxes: Tensor, *rest: Any, **keywords: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    checks.check_merge(boxes, *rest, **keywords)
    return boxes.new_empty(boxes.shape), *indices(boxes)


def merge_nms(boxes: Tensor, *rest: Any, **keywords: Any) -> tuple[Tensor, Tensor]:
    checks.check_merge(boxes, *rest, **keywords)
    kept = torch.library.get_ctx().new_dynamic_size(min=0)
    return boxes.new_empty(kept, 4), boxes.new_empty(kept, dtype=torch.int64)


def nmm_walk(boxes: Tensor, *rest: Any, **keywords: Any) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    checks.check_nmm(boxes, *rest, **keywords)
    return boxes.new_empty(boxes.shape), boxes.new_empty(boxes.shape, dtype=torch.int64), *indices(boxes)


def soft_nms_walk(boxes: Tensor, scores: Tensor, *rest: Any, **keywords: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    checks.check_soft(boxes, scores, *rest, **keywords)
    return scores.new_empty(scores.shape), *indices(boxes)


def matrix_nms_walk(
    boxes: Tensor, scores: Tensor, *rest: Any, **keywords: Any
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    checks.check_matrix_walk(boxes, scores, *rest, **keywords)
    return scores.new_empty(scores.shape), *indices(boxes)


def wbf_walk(
    boxes: Tensor, scores: Tensor, *rest: Any, **keywords: Any
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    checks.check_wbf(boxes, scores, *rest, **keywords)
    return boxes.new_empty(boxes.shape), scores.new_empty(scores.shape), *indices(boxes)


METHODS = {
    fake.__name__: fake
    for fake in (
        diou_nms_walk,
        and_nms_walk,
        and_nms,
        merge_nms_walk,
        merge_nms,
        nmm_walk,
        soft_nms_walk,
        matrix_nms_walk,
        wbf_walk,
    )
}

"""Fakes of the suppressions: as many indices as data says, or a walk of fixed shape."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..checks import check_suppression


def _checked(
    boxes: Tensor,
    scores: Tensor,
    idxs: Tensor | None,
    iou_threshold: float,
    metric: str = "iou",
    inclusive: bool = False,
    score_threshold: float | None = None,
    max_output: int | None = None,
) -> Tensor:
    check_suppression(boxes, scores, idxs, iou_threshold, metric, score_threshold, max_output)
    return boxes


def nms(*arguments: Any, **keywords: Any) -> Tensor:
    boxes = _checked(*arguments, **keywords)
    return boxes.new_empty(torch.library.get_ctx().new_dynamic_size(min=0), dtype=torch.int64)


def nms_walk(*arguments: Any, **keywords: Any) -> tuple[Tensor, Tensor, Tensor]:
    return indices(_checked(*arguments, **keywords))


def indices(boxes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """keep, owner and kept of a walk."""
    count = boxes.shape[0]
    keep, owner, kept = (boxes.new_empty(shape, dtype=torch.int64) for shape in ((count,), (count,), ()))
    return keep, owner, kept

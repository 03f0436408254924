"""A method by any of its names, as `ptdet run --method` asks for it."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .._shared.methods import METHODS, NAMES
from ..io import FileProblem
from ..ops._methods import select


def has_threshold(name: str) -> bool:
    """Whether the overlap threshold changes anything: soft and matrix lower scores by a Gaussian, which has none."""
    return "kind" not in METHODS[NAMES[name]].options


def suppress(
    name: str, boxes: Tensor, scores: Tensor, idxs: Tensor | None, iou_threshold: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes (K, 4), scores (K,) and which boxes they are (K,), of (N, 4), (N,) and class ids (N,) or None.

    A fusion takes all boxes for those of one model, and leaves scores below 0 aside, as its function does.
    """
    if name == "batched_nms" and idxs is None:
        raise FileProblem("has no classes here, which batched_nms needs: use --method nms")
    method = METHODS[NAMES[name]]
    threshold = iou_threshold if method.has_threshold else None
    options: dict[str, Any] = {"score_threshold": math.nextafter(0.0, -1.0)} if method.of_models else {}
    selected = select(NAMES[name], boxes, scores, idxs, threshold, may_wait=True, **options)
    found = torch.nonzero(selected.keep >= 0)[:, 0]
    keep = selected.keep[found]
    kept_boxes = boxes[keep] if selected.boxes is None else selected.boxes[found]
    kept_scores = scores[keep] if selected.scores is None else selected.scores[found]
    return kept_boxes, kept_scores, keep

"""Hard suppression: ONNX's own where it can say what is asked, else the greedy pass."""

from __future__ import annotations

import torch
from torch import Tensor

from .._library.fakes import FAKES
from .._library.load import SCHEMAS
from ._greedy_pass import float32_below
from ._nms_variants import nms_walk
from ._rows import cut

# What this formula leaves to the translation table: the exporter takes no operator that has a place in both.
_library = torch.library.Library("ptdet_onnx", "DEF")
_library.define(next(schema for schema in SCHEMAS if schema.startswith("nms(")))
torch.library.register_fake("ptdet_onnx::nms", FAKES["nms"], lib=_library)
STANDARD_NMS = torch.ops.ptdet_onnx.nms.default


def nms(
    boxes: Tensor,
    scores: Tensor,
    idxs: Tensor | None,
    iou_threshold: float,
    metric: str = "iou",
    inclusive: bool = False,
    score_threshold: float | None = None,
    max_output: int | None = None,
) -> Tensor:
    options = (iou_threshold, metric, inclusive, score_threshold, max_output)
    if is_standard(metric, iou_threshold, inclusive):
        kept: Tensor = STANDARD_NMS(boxes, scores, idxs, *options)
        return kept
    return cut(nms_walk(boxes, scores, idxs, *options)[0])[0]


def is_standard(metric: str, iou_threshold: float, inclusive: bool) -> bool:
    """NonMaxSuppression knows IoU alone, and no threshold below 0."""
    return metric == "iou" and float32_below(iou_threshold, inclusive) >= 0

"""The fakes of a YOLO head's filter and pipelines: as many candidates or detections as the data says."""

from __future__ import annotations

import torch
from torch import Tensor


def yolo_filter(
    prediction: Tensor,
    num_classes: int,
    objectness: bool,
    logits: bool,
    multi_label: bool,
    objectness_threshold: float,
    confidence_threshold: float | None,
    min_side: float,
    max_side: float,
    wanted: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    columns = num_classes + (5 if objectness else 4)
    if prediction.dim() != 3 or prediction.shape[2] < columns:
        raise ValueError(f"prediction: expected shape (B, N, {columns} or more), got {tuple(prediction.shape)}")
    count = torch.library.get_ctx().new_dynamic_size(min=0)
    kind = torch.float64 if prediction.dtype == torch.float64 else torch.float32
    labels, images, rows = (prediction.new_empty(count, dtype=torch.int64) for _ in range(3))
    return (
        prediction.new_empty((count, 4), dtype=kind),
        prediction.new_empty(count, dtype=kind),
        labels,
        images,
        rows,
        prediction.new_empty(prediction.shape[0], dtype=torch.int64),
    )


def yolo_postprocess(
    prediction: Tensor,
    num_classes: int,
    objectness: bool,
    logits: bool,
    multi_label: bool,
    conf_thres: float,
    iou_thres: float,
    metric: str = "iou",
    inclusive: bool = False,
    agnostic: bool = False,
    max_det: int | None = None,
    wanted: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    extra = prediction.shape[2] - num_classes - (5 if objectness else 4)
    if extra < 0:
        raise ValueError(f"prediction: too few columns for {num_classes} classes, got {tuple(prediction.shape)}")
    return _table(prediction, 6 + extra), prediction.new_empty(prediction.shape[0], dtype=torch.int64)


def yolo_pipeline(
    prediction: Tensor,
    conf_thres: float,
    nms_thres: float,
    multi_label: bool = True,
    method: str = "vision",
    max_per_class: int | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    num, passed = (prediction.new_empty(prediction.shape[0], dtype=torch.int64) for _ in range(2))
    return _table(prediction, 6), num, passed


def _table(prediction: Tensor, columns: int) -> Tensor:
    kind = torch.float64 if prediction.dtype == torch.float64 else torch.float32
    return prediction.new_empty((torch.library.get_ctx().new_dynamic_size(min=0), columns), dtype=kind)

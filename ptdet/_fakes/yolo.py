"""The fake of a YOLO head's filter: as many candidates as the data says."""

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

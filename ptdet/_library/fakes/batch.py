"""Fakes of what lies around a pass over many images."""

from __future__ import annotations

import torch
from torch import Tensor


def _some() -> torch.SymInt:
    """As many as the data says."""
    return torch.library.get_ctx().new_dynamic_size(min=0)


def ragged_groups(images: Tensor, idxs: Tensor | None, num_images: int) -> Tensor:
    return images.new_empty(images.shape, dtype=torch.int64)


def image_order(
    keep: Tensor, images: Tensor, num_images: int, max_per_image: int | None = None, with_places: bool = True
) -> tuple[Tensor, Tensor, Tensor]:
    count = _some()
    return keep.new_empty(count if with_places else 0), keep.new_empty(count), keep.new_empty(num_images)


def rows_at(values: Tensor, places: Tensor, padding: int = 0) -> Tensor:
    return values.new_empty((*places.shape, *values.shape[1:]))


def class_candidates(
    boxes: Tensor, scores: Tensor, score_threshold: float | None = None
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    if scores.dim() != 3 or boxes.shape[-1] not in (4, 5):
        raise ValueError(f"scores: expected shape (B, N, C) beside boxes (..., 4 or 5), got {tuple(scores.shape)}")
    count = _some()
    groups, images, labels, rows = (scores.new_empty(count, dtype=torch.int64) for _ in range(4))
    return boxes.new_empty(count, boxes.shape[-1]), scores.new_empty(count), groups, images, labels, rows


def image_slots(
    keep: Tensor,
    groups: Tensor,
    num_images: int,
    num_classes: int,
    max_per_image: int,
    max_per_class: int | None = None,
) -> tuple[Tensor, Tensor]:
    return keep.new_empty(num_images), keep.new_empty(num_images, max_per_image)

"""The fake of the images' slots: of fixed shape."""

from __future__ import annotations

from torch import Tensor


def image_slots(
    keep: Tensor,
    groups: Tensor,
    num_images: int,
    num_classes: int,
    max_per_image: int,
    max_per_class: int | None = None,
) -> tuple[Tensor, Tensor]:
    return keep.new_empty(num_images), keep.new_empty(num_images, max_per_image)

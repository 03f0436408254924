"""The images' slots as a torch formula that torch.onnx can write down."""

from __future__ import annotations

import torch
from torch import Tensor

from ._rows import numbered


def image_slots(
    keep: Tensor,
    groups: Tensor,
    num_images: int,
    num_classes: int,
    max_per_image: int,
    max_per_class: int | None = None,
) -> tuple[Tensor, Tensor]:
    nobody = num_images * num_classes
    group = torch.where(keep >= 0, groups[keep.clamp(min=0)], nobody)
    if max_per_class is not None:
        place, _ = _place_in_group(group, nobody)
        group = torch.where(place < max_per_class, group, nobody)
    image = torch.div(group, max(num_classes, 1), rounding_mode="floor")
    place, count = _place_in_group(image, num_images)
    last = num_images * max_per_image
    slot = torch.where((image < num_images) & (place < max_per_image), image * max_per_image + place, last)
    slots = keep.new_full((last + 1,), -1).scatter(0, slot, numbered(keep))
    return count.clamp(max=max_per_image), slots[:last].reshape(num_images, max_per_image)


def _place_in_group(group: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """For each row how many of its group come before it, and how many each group has; group `groups` is of the rest."""
    count = group.new_zeros(groups + 1).scatter_add(0, group, torch.ones_like(group))
    by_group, order = torch.sort(group, stable=True)
    before = numbered(group) - (torch.cumsum(count, 0) - count)[by_group]
    return torch.zeros_like(group).scatter(0, order, before), count[:groups]

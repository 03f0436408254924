"""What a pass over a batch kept, laid out image by image."""

import torch
from torch import Tensor


def image_slots(
    keep: Tensor,
    groups: Tensor,
    num_images: int,
    num_classes: int,
    max_per_image: int,
    max_per_class: int | None = None,
) -> tuple[Tensor, Tensor]:
    """The best `max_per_image` of each image, among them at most `max_per_class` of a class.

    Args:
        keep: (M,) indices into `groups` by decreasing score; negative ones are nobody.
        groups: (N,) image * num_classes + class.

    Returns:
        num (num_images,), and slots (num_images, max_per_image): places in `keep`, rising, then -1.
    """
    for name, number in (("num_images", num_images), ("num_classes", num_classes), ("max_per_image", max_per_image)):
        if number < 0:
            raise ValueError(f"{name}: expected a number >= 0, got {number}")
    if max_per_class is not None and max_per_class < 0:
        raise ValueError(f"max_per_class: expected None or a number >= 0, got {max_per_class}")
    for name, ids in (("keep", keep), ("groups", groups)):
        if ids.dim() != 1 or ids.dtype != torch.int64:
            raise ValueError(f"{name}: expected int64 of one dimension, got {ids.dtype} {tuple(ids.shape)}")
    places = torch.nonzero(keep >= 0)[:, 0]
    kept = keep[places]
    if (kept >= len(groups)).any():
        raise ValueError(f"keep: expected indices below {len(groups)}, got {int(kept.max())}")
    mine = groups[kept]
    if ((mine < 0) | (mine >= num_images * num_classes)).any():
        raise ValueError(f"groups: expected ids in [0, {num_images * num_classes})")
    num = torch.zeros(num_images, dtype=torch.int64, device=keep.device)
    slots = torch.full((num_images, max_per_image), -1, dtype=torch.int64, device=keep.device)
    for image in range(num_images):
        entries: list[int] = []
        of_class = [0] * num_classes
        here = torch.nonzero((mine >= image * num_classes) & (mine < (image + 1) * num_classes))[:, 0]
        for at in here.tolist():
            label = int(mine[at]) % num_classes
            of_class[label] += 1
            if max_per_class is None or of_class[label] <= max_per_class:
                entries.append(int(places[at]))
        entries = entries[:max_per_image]
        num[image] = len(entries)
        slots[image, : len(entries)] = torch.tensor(entries, dtype=torch.int64, device=keep.device)
    return num, slots

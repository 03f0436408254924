"""From operators of fixed shape to results as long as what was found."""

from __future__ import annotations

import torch
from torch import Tensor

from .._library.checks import FLOATS, IDS_ARE_NAN, NUMBERS_ARE_NAN, SCORES_ARE_NEGATIVE, check_dense
from .._library.pieces import by_piece, is_recorded
from .._library.register import operator, wants_gradient
from ..compat import Profile, refuse_corners

IMAGE_ORDER = operator("image_order")
IMAGE_SLOTS = operator("image_slots")
ROWS_AT = operator("rows_at")

# What a kernel writes in the place of the count where it refuses values; csrc/api has the same names.
GROUP_IS_NAN, SCORE_IS_NEGATIVE, MODEL_IS_UNKNOWN, NUMBER_IS_NAN = -1, -2, -3, -4
REFUSED = {
    GROUP_IS_NAN: f"idxs: {IDS_ARE_NAN}",
    SCORE_IS_NEGATIVE: f"scores: {SCORES_ARE_NEGATIVE}",
    MODEL_IS_UNKNOWN: "models: expected numbers from 0 to the number of weights - 1, got another",
    NUMBER_IS_NAN: f"a number of each box: {NUMBERS_ARE_NAN}",
}


def cut(keep: Tensor, num_kept: Tensor, *rows: Tensor) -> tuple[Tensor, ...]:
    """The first `num_kept` of each; waits for a GPU. What records counts them by its own means."""
    if is_recorded():
        found = torch.nonzero(keep >= 0)[:, 0]
        return tuple(each[found] for each in (*rows, keep))
    count = int(num_kept)
    if count < 0:  # a kernel that nobody waits for says so here
        raise ValueError(REFUSED[count])
    return tuple(each[:count] for each in (*rows, keep))


def cut_owned(found: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """keep as long as what was found, and owner."""
    keep, owner, num_kept = found
    return cut(keep, num_kept)[0], owner


def as_given(boxes: Tensor, profile: Profile) -> Tensor:
    """x1, y1, x2, y2 of boxes that are written as the package of this profile writes them."""
    if not (profile.offset or profile.any_corners):
        return boxes
    refuse_corners(boxes)
    check_dense(boxes=boxes)
    if boxes.shape[-1:] != (4,) or boxes.dtype not in FLOATS:
        return boxes  # is refused by whoever asked
    return by_piece(_in_pixels if profile.offset else _in_order, boxes)


def _in_pixels(boxes: Tensor) -> Tensor:
    """Boxes whose last pixel is x2, y2, as boxes that end there; in a type that can hold it."""
    held = boxes.float() if boxes.dtype in (torch.float16, torch.bfloat16) else boxes
    return held + held.new_tensor([0, 0, 1, 1])


def _in_order(boxes: Tensor) -> Tensor:
    """Boxes given by two opposite corners. A box in order keeps its values and gradients."""
    first, last = boxes[..., :2], boxes[..., 2:]
    return torch.cat([torch.minimum(first, last), torch.maximum(first, last)], -1)


def rows_at(values: Tensor, places: Tensor, padding: int | None = None) -> Tensor:
    """values[places], and `padding`, if there is one, where a place is -1; with a gradient if one is wanted."""
    if torch.compiler.is_compiling() or values.device.type != "cpu" or wants_gradient(values, values):
        if padding is not None:
            values = torch.cat([values, values.new_full((1, *values.shape[1:]), padding)])
        return values[places]
    found: Tensor = ROWS_AT(values, places, padding or 0)
    return found


def by_image(
    keep: Tensor, images: Tensor, num_images: int, most: int | None, with_places: bool = True
) -> tuple[Tensor, Tensor, Tensor]:
    """Places in `keep`, if wanted, image by image, at most so many of each; keep there; and how many of each."""
    if keep.device.type != "cuda":
        found: tuple[Tensor, Tensor, Tensor] = IMAGE_ORDER(keep, images, num_images, most, with_places)
        return found
    images = images.to(torch.int64)
    kept = keep[keep >= 0]
    longest = int(torch.bincount(images[kept]).max()) if len(kept) else 0
    num, slots = IMAGE_SLOTS(keep, images, num_images, 1, longest if most is None else min(most, longest))
    places = slots[slots >= 0]
    return places, keep[places], num

"""From walks of fixed shape to results as long as what was found."""

from __future__ import annotations

import torch
from torch import Tensor

from ._checks import IDS_ARE_NAN, check_tensor, is_recorded
from ._method_checks import SCORES_ARE_NEGATIVE

_REFUSED = {-1: f"idxs: {IDS_ARE_NAN}", -2: SCORES_ARE_NEGATIVE}


def cut(keep: Tensor, kept: Tensor, *rows: Tensor) -> tuple[Tensor, ...]:
    """The first `kept` of each; waits for a GPU. What records counts them by its own means."""
    if is_recorded():
        found = torch.nonzero(keep >= 0)[:, 0]
        return tuple(each[found] for each in (*rows, keep))
    count = int(kept)
    if count < 0:  # a kernel that nobody waits for says so here
        raise ValueError(_REFUSED[count])
    return tuple(each[:count] for each in (*rows, keep))


def cut_walk(walk: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """keep as long as what was found, and owner."""
    keep, owner, kept = walk
    return cut(keep, kept)[0], owner


def in_pixels(boxes: Tensor) -> Tensor:
    """Boxes whose last pixel is x2, y2, as boxes that end there; in a type that can hold it."""
    check_tensor("boxes", boxes)
    if boxes.shape[-1:] != (4,):
        return boxes  # is refused by whoever asked
    held = boxes.float() if boxes.dtype in (torch.float16, torch.bfloat16) else boxes
    return held + held.new_tensor([0, 0, 1, 1])

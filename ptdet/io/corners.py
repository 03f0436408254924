"""The ways to write a box in four numbers, and the way from each to corners."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .._shared.arrays import Array


def _of_centres(four: Array) -> Array:
    half = four[..., 2:] / 2
    return np.concatenate([four[..., :2] - half, four[..., :2] + half], -1)


# name -> from (..., 4) numbers to x1 y1 x2 y2
BOX_FORMS: dict[str, Callable[[Array], Array]] = {
    "xyxy": lambda four: four,
    "yxyx": lambda four: four[..., [1, 0, 3, 2]],
    "xywh": lambda four: np.concatenate([four[..., :2], four[..., :2] + four[..., 2:]], -1),
    "cxcywh": _of_centres,
}
UNORDERED, NEGATIVE = "corners out of order", "a negative width or height"


def no_box(four: Array, form: str) -> tuple[str, Array]:
    """What is wrong with a box that is none, and (...) which of (..., 4) are so. NaN says nothing."""
    if form in ("xyxy", "yxyx"):
        return UNORDERED, np.any(four[..., 2:] < four[..., :2], -1)
    return NEGATIVE, np.any(four[..., 2:] < 0, -1)

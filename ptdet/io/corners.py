"""The ways to write a box in numbers, and the way from each to x1 y1 x2 y2, or of rotated boxes to cx cy w h angle."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .._shared.arrays import Array
from .._shared.rotated_boxes import min_area_rect


def _of_centres(four: Array) -> Array:
    half = four[..., 2:] / 2
    return np.concatenate([four[..., :2] - half, four[..., :2] + half], -1)


def _around_quads(eight: Array) -> Array:
    """Whatever four corners are: a rectangle's, of another quad, in any order or crossing."""
    return min_area_rect(eight.reshape(*eight.shape[:-1], 4, 2)).astype(eight.dtype, copy=False)


# name -> from (..., 4) numbers to x1 y1 x2 y2; of ROTATED from so many to cx cy w h angle, radians from +x to +y
BOX_FORMS: dict[str, Callable[[Array], Array]] = {
    "xyxy": lambda four: four,
    "yxyx": lambda four: four[..., [1, 0, 3, 2]],
    "xywh": lambda four: np.concatenate([four[..., :2], four[..., :2] + four[..., 2:]], -1),
    "cxcywh": _of_centres,
    "cxcywhr": lambda five: five,
    "xyxyxyxy": _around_quads,
}
ROTATED = {"cxcywhr": 5, "xyxyxyxy": 8}
UNORDERED, NEGATIVE = "corners out of order", "a negative width or height"


def no_box(four: Array, form: str) -> tuple[str, Array]:
    """What is wrong with a box that is none, and (...) which of (..., 4) are so. NaN says nothing."""
    if form in ("xyxy", "yxyx"):
        return UNORDERED, (four[..., 2] < four[..., 0]) | (four[..., 3] < four[..., 1])
    if form == "xyxyxyxy":
        return NEGATIVE, np.zeros(four.shape[:-1], np.bool_)
    return NEGATIVE, (four[..., 2] < 0) | (four[..., 3] < 0)

"""The box around a mask of COCO: polygons, or runs of pixels down the columns, plain or packed into a string."""

from __future__ import annotations

from typing import Any

import numpy as np

from .coco import is_number
from .predictions import FileProblem

EXPECTED = "expected polygons [[x1, y1, x2, y2, ..], ..] or runs {size: [height, width], counts}"
LARGEST = 2**40  # pixels: a string may claim any number


def box_of_mask(stored: Any) -> list[float]:
    """x, y, width and height.

    Raises:
        FileProblem: it is no mask, or an empty one.
    """
    if isinstance(stored, dict):
        return _box_of_runs(stored)
    if not isinstance(stored, list) or not stored or not all(isinstance(each, list) for each in stored):
        raise FileProblem(EXPECTED)
    xs: list[float] = []
    ys: list[float] = []
    for polygon in stored:
        if len(polygon) < 6 or len(polygon) % 2 or not all(map(is_number, polygon)):
            raise FileProblem(f"{EXPECTED}, got {str(polygon)[:60]}")
        xs += polygon[::2]
        ys += polygon[1::2]
    return [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]


def _box_of_runs(stored: dict[str, Any]) -> list[float]:
    size, counts = stored.get("size"), stored.get("counts")
    if isinstance(counts, str):
        counts = _unpacked(counts)
    if not isinstance(size, list) or len(size) != 2 or not isinstance(counts, list):
        raise FileProblem(EXPECTED)
    if not all(type(each) is int and 0 <= each < LARGEST for each in (*size, *counts)):
        raise FileProblem(f"{EXPECTED}, whole numbers from 0")
    height, width = size
    if sum(counts) != height * width:
        raise FileProblem(f"has runs of {sum(counts)} pixels, and {height} x {width} are {height * width}")
    ends = np.cumsum(np.array(counts, np.int64))  # the first run is of what is not the object
    first, last = ends[::2][: len(ends) // 2], ends[1::2] - 1
    first, last = first[first <= last], last[first <= last]
    if not len(first):
        raise FileProblem("is an empty mask, which has no box")
    left, right = first // height, last // height
    over = left < right  # from one column into the next: it has the lowest and the highest pixel
    top = np.where(over, 0, first % height).min()
    bottom = np.where(over, height - 1, last % height).max()
    x, y = int(left.min()), int(top)
    return [float(x), float(y), float(int(right.max()) - x + 1), float(int(bottom) - y + 1)]


def _unpacked(text: str) -> list[int]:
    """Runs as pycocotools packs them: five bits a character, and from the fourth run on the difference to the last but
    one."""
    counts: list[int] = []
    value = shift = 0
    for character in text:
        five = ord(character) - 48
        if not 0 <= five < 64 or shift > 60:
            raise FileProblem("has counts that are no runs packed into a string")
        value |= (five & 31) << shift
        shift += 5
        if not five & 32:
            if five & 16:
                value -= 1 << shift
            counts.append(value + counts[-2] if len(counts) > 2 else value)
            value = shift = 0
    if shift:
        raise FileProblem("has counts that end in the middle of a run")
    return counts

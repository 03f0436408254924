"""What the grids and priors of heads are: numbers alone, for tensors and arrays alike. docs/SPEC.md, section 4."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, inf, sqrt
from numbers import Real
from typing import Any, NamedTuple

from .letterbox import LONGEST_SIDE, sides


class Level(NamedTuple):
    """One map of features: its cells, and the width and height of the priors in each, in shares of the input."""

    rows: int
    columns: int
    step: tuple[float, float]  # from one cell to the next, down and across
    priors: list[tuple[float, float]]


def positives(name: str, value: Any, count: int | None = None) -> list[float]:
    """A list of numbers above 0, `count` of them."""
    if not isinstance(value, (list, tuple)) or not all(_is_number(each) for each in value):
        raise TypeError(f"{name}: expected a list of numbers, got {value!r:.60}")
    if len(value) != count if count is not None else not value:
        raise ValueError(f"{name}: expected {count or 'some'} numbers, got {len(value)}")
    if not all(0 < each < inf for each in value):
        raise ValueError(f"{name}: expected numbers above 0, got {value!r:.60}")
    return list(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def whole_strides(strides: Any) -> list[int]:
    """Whole numbers of pixels."""
    found = positives("strides", strides)
    if any(each != int(each) or each > LONGEST_SIDE for each in found):
        raise ValueError(f"strides: expected whole numbers of pixels up to {LONGEST_SIDE}, got {strides!r:.60}")
    return [int(each) for each in found]


def yolox_levels(shape: Sequence[int], size: Any, strides: Any) -> list[tuple[int, int, int]]:
    """Rows, columns and stride of each map; their cells are the N of `shape`, (B, N, 5+C)."""
    high, wide = sides("size", size)
    levels = [(high // stride, wide // stride, stride) for stride in whole_strides(strides)]
    cells = sum(rows * columns for rows, columns, _ in levels)
    if len(shape) != 3 or shape[2] < 5:
        raise ValueError(f"prediction: expected shape (B, N, 5 + C), got {tuple(shape)}")
    if shape[1] != cells:
        raise ValueError(
            f"prediction: expected N = {cells} for a {high}x{wide} input and strides {strides!r:.40}, "
            f"got {tuple(shape)}"
        )
    return levels


def prior_levels(size: Any, strides: Any, min_sizes: Any, max_sizes: Any, aspect_ratios: Any) -> list[Level]:
    """The maps of an SSD head."""
    high, wide = sides("size", size)
    steps = whole_strides(strides)
    smallest = [_several("min_sizes", each) for each in _of_each("min_sizes", min_sizes, len(steps))]
    largest = [
        [] if each is None else _several("max_sizes", each) for each in _of_each("max_sizes", max_sizes, len(steps))
    ]
    ratios = [
        [] if each is None or list(each) == [] else positives("aspect_ratios", each)
        for each in _of_each("aspect_ratios", aspect_ratios, len(steps), (list, tuple, type(None)))
    ]
    levels = []
    for step, small, large, narrow in zip(steps, smallest, largest, ratios, strict=True):
        if large and len(large) != len(small):
            raise ValueError(f"max_sizes: expected {len(small)} as of min_sizes, got {large}")
        priors = []
        for place, side in enumerate(small):
            shapes = [(side, side)]
            if large:
                between = sqrt(side * large[place])
                shapes.append((between, between))
            for ratio in narrow:
                shapes += [(side * sqrt(ratio), side / sqrt(ratio)), (side / sqrt(ratio), side * sqrt(ratio))]
            priors += [(width / wide, height / high) for width, height in shapes]
        levels.append(Level(ceil(high / step), ceil(wide / step), (step / high, step / wide), priors))
    return levels


def _of_each(name: str, value: Any, count: int, kinds: tuple[type, ...] = (object,)) -> list[Any]:
    """One entry a stride; None stands for none of any."""
    if value is None and name != "min_sizes":
        return [None] * count
    if not isinstance(value, (list, tuple)) or not all(isinstance(each, kinds) for each in value):
        raise TypeError(f"{name}: expected a list with an entry for each stride, got {value!r:.60}")
    if len(value) != count:
        raise ValueError(f"{name}: expected {count} entries, one for each stride, got {len(value)}")
    return list(value)


def _several(name: str, value: Any) -> list[float]:
    return positives(name, [value] if _is_number(value) else value)

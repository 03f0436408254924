"""Where the tiles of a large picture lie, for tensors and arrays alike. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .checks import check_at_least, check_number, check_positive


def check_rows(name: str, rows: Any, columns: int, kind: type) -> None:
    """Detections of a tile: a tensor or an array, by `kind`."""
    if not isinstance(rows, kind):
        raise TypeError(f"{name}: expected a {kind.__module__}.{kind.__name__}, got {type(rows).__name__}")
    shape = tuple(rows.shape)  # type: ignore[attr-defined]
    if len(shape) != 2 or shape[1] < columns:
        raise ValueError(f"{name}: expected shape (n, {columns} or more), got {shape}")


def check_tiles(name: str, tiles: Any) -> None:
    if not isinstance(tiles, (list, tuple)):
        raise TypeError(f"{name}: expected a list, got {type(tiles).__name__}")
    if not tiles:
        raise ValueError(f"{name}: expected a tile or more, got none")


def tile_places(offsets: Any, rate: Any, count: int) -> tuple[list[tuple[float, float]], list[float]]:
    """x, y and rate of each tile."""
    pairs = _listed(offsets)
    if not isinstance(pairs, (list, tuple)):
        raise TypeError(f"offsets: expected a pair (x, y) for each tile, got {type(offsets).__name__}")
    if len(pairs) != count or not all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in pairs):
        raise ValueError(f"offsets: expected {count} pairs (x, y), got {str(pairs)[:60]}")
    for pair in pairs:
        for number in pair:
            check_number("offsets", number)
            check_at_least("offsets", abs(number))
    rates = _listed(rate)
    if not isinstance(rates, (list, tuple)):
        check_positive("rate", rates)
        rates = [rates] * count
    if len(rates) != count:
        raise ValueError(f"rate: expected one number, or {count}, got {len(rates)}")
    for each in rates:
        check_positive("rate", each)
    return [(float(x), float(y)) for x, y in pairs], [float(each) for each in rates]


def _listed(values: Any) -> Sequence[Any] | Any:
    """Of a tensor, an array, or pairs that are such."""
    if hasattr(values, "tolist"):
        return values.tolist()
    return [_listed(each) for each in values] if isinstance(values, (list, tuple)) else values

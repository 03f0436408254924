"""How time grows with size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .results import Results, Row, libraries

FROM = 1000  # below it the overhead of the call, which does not grow, is most of the time
FEWEST_SIZES = 3


@dataclass(frozen=True)
class Exponent:
    """Time is proportional to n ** exponent, by least squares over the logarithms."""

    group: str
    scene: str
    dtype: str
    device: str
    library: str
    exponent: float
    sizes: tuple[int, ...]


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Of log y over log x, by least squares."""
    x, y = ([math.log(pair[axis]) for pair in points] for axis in (0, 1))
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    return sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / sum((a - mean_x) ** 2 for a in x)


def exponent_of(rows: Sequence[Row], library: str) -> Exponent | None:
    """Of one library in the rows of one series; None where too few sizes were timed."""
    points = [(row.n, row.seconds.median) for row in rows if row.library == library and row.n >= FROM]
    if len({n for n, _ in points}) < FEWEST_SIZES:
        return None
    return Exponent(*rows[0].series, library, slope(points), tuple(n for n, _ in points))


def exponents(results: Results) -> list[Exponent]:
    found = [exponent_of(rows, library) for rows in results.by_series().values() for library in libraries(rows)]
    return [one for one in found if one]

"""Weights of models as they are computed with. Nothing here needs torch."""

from __future__ import annotations

import math
from collections.abc import Sequence


def shared_weights(weights: Sequence[float], wide: bool) -> list[float]:
    """Weights above 0 over the power of 2 that brings the largest to [1, 2): fusion looks at their ratios alone.

    None is below the smallest normal number of the type that computes (float64 if `wide`, else float32).
    """
    _, power = math.frexp(max(weights))
    return [max(math.ldexp(weight, 1 - power), 2.0 ** (-1022 if wide else -126)) for weight in weights]

"""Weights of models as they are computed with. Nothing here needs torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any


def one_a_model(weights: Any, models: int) -> list[Any]:
    """As many as there are models; what they are is for the caller to ask."""
    if isinstance(weights, (str, bytes)) or not isinstance(weights, Iterable):
        raise TypeError(f"weights: expected one number a model, got {type(weights).__name__}")
    numbers = list(weights)
    if len(numbers) != models:
        raise ValueError(f"weights: expected one for each of {models} models, got {len(numbers)}")
    return numbers


def shared_weights(weights: Sequence[float], wide: bool) -> list[float]:
    """Weights above 0 over the power of 2 that brings the largest to [1, 2): fusion looks at their ratios alone.

    None is below the smallest normal number of the type that computes (float64 if `wide`, else float32).
    """
    _, power = math.frexp(max(weights))
    return [max(math.ldexp(weight, 1 - power), 2.0 ** (-1022 if wide else -126)) for weight in weights]

"""The one comparison of every suppression: a tensor against a Python float, without rounding the float."""

import math

import torch
from torch import Tensor


def exceeds(values: Tensor, threshold: float, inclusive: bool = False) -> Tensor:
    """True where `values > threshold` (`>=` if inclusive) as if both were doubles; a value not finite exceeds nothing.

    A tensor compared with a Python float would see the float rounded to its own type, which changes ties. The
    threshold is moved, instead, to the neighbour in the type of the values that decides the same. Doubles are not
    used for the comparison itself, because not every device has them.
    """
    wide, bound = _comparable(values, threshold, upwards=inclusive)
    met = wide >= bound if inclusive else wide > bound
    return met & torch.isfinite(values)


def above(scores: Tensor, threshold: float) -> Tensor:
    """True where `scores > threshold`; unlike an overlap, an infinite score is above a finite threshold."""
    wide, bound = _comparable(scores, threshold, upwards=False)
    return wide > bound


def _comparable(values: Tensor, threshold: float, upwards: bool) -> tuple[Tensor, Tensor]:
    if torch.compiler.is_compiling():  # a threshold that is a symbol cannot be moved
        return values.double(), torch.tensor(threshold, dtype=torch.float64, device=values.device)
    return values, _neighbour(threshold, values.dtype, upwards)


def _neighbour(threshold: float, dtype: torch.dtype, upwards: bool) -> Tensor:
    """The largest number of `dtype` that is <= threshold, or upwards the smallest that is >= threshold."""
    if math.isnan(threshold):
        raise ValueError("threshold: expected a number, got nan")
    nearest = torch.tensor(threshold, dtype=torch.float64, device="cpu").to(dtype)
    if upwards and nearest.item() < threshold:
        return torch.nextafter(nearest, torch.full_like(nearest, math.inf))
    if not upwards and nearest.item() > threshold:
        return torch.nextafter(nearest, torch.full_like(nearest, -math.inf))
    return nearest

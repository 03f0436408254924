"""The exponential of docs/SPEC.md, section 1, and the sigmoid, for arrays: bit for bit those of `ptdet.reference`."""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np

from .arrays import Array


def exponential(x: Array) -> Array:
    """e^x of float32 or float64: x = n ln 2 + rest, and the series of e^rest."""
    double = x.dtype == np.float64
    number: Any = x.dtype.type
    least, most = (-750.0, 711.0) if double else (-110.0, 90.0)
    ln2 = (6.93147180369123816490e-01, 1.90821492927058770002e-10) if double else (0.693359375, -2.12194440e-4)
    within = np.where(x > number(least), x, number(least))
    within = np.where(within < number(most), within, number(most))
    n = np.rint(within * number(1.4426950408889634))
    rest = (within - n * number(ln2[0])) - n * number(ln2[1])
    total = np.full_like(rest, number(1 / factorial(13 if double else 7)))
    for k in reversed(range(13 if double else 7)):
        total = number(1 / factorial(k)) + rest * total
    half = np.rint(n * number(0.5))  # 2^n in two factors, for results beyond the normal numbers
    with np.errstate(over="ignore", under="ignore"):
        value = np.ldexp(np.ldexp(total, half.astype(np.int32)), (n - half).astype(np.int32))
    return np.where(x == x, value, x)


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x) of float32 or float64, by e^-|x|."""
    negative = x < 0
    e = exponential(np.where(negative, x, -x))
    value: Array = np.where(negative, e, e.dtype.type(1)) / (1 + e)
    return value

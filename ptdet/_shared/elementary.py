"""Elementary functions of docs/SPEC.md, section 1, for arrays: bit for bit those of `ptdet.reference`."""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np

from .arrays import Array, silent

# Coefficients, in order of rising powers, and a quarter of a turn in three parts.
ARCTANGENT = (
    0.999999999999999999, -0.333333333333332478, 0.199999999999861568, -0.142857142848204287, 0.111111110803838533,
    -0.0909090844033884344, 0.0769229843298568504, -0.0666657280628976317, 0.0588164723671741498,
    -0.0525910378948588166, 0.0474370596643216963, -0.0428286457027944738, 0.0381298097542250422,
    -0.0326411629297707717, 0.0259471057039563025, -0.018386836817918876, 0.0111220146697526334,
    -0.00548477897180935583, 0.00209063353526367613, -0.000572792578129209658, 0.0000997841081195303136,
    -8.26799581733715019e-6,
)  # fmt: skip
QUARTER_TURN = (1.57079632673412561417, 6.07710050630396597660e-11, 2.02226624879595063154e-21)
SINE = (
    -0.166666666666666646, 0.00833333333333094848, -0.000198412698367585707, 2.75573161025505712e-6,
    -2.50511318446141068e-8, 1.59181292668033941e-10,
)  # fmt: skip
COSINE = (
    0.0416666666666666654, -0.00138888888888873972, 0.0000248015872987656857, -2.75573172717286237e-7,
    2.08761462681595208e-9, -1.13826324079656163e-11,
)  # fmt: skip


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


@silent()
def direction(angle: Array) -> tuple[Array, Array]:
    """Cosine and sine of radians in float64: angle = n pi/2 + rest, and polynomials of rest."""
    quarter, least = 0.7853981633974484, 1e-15
    n = np.rint(angle * 0.6366197723675814)
    first = angle - n * QUARTER_TURN[0]
    second, third = n * QUARTER_TURN[1], n * QUARTER_TURN[2]
    after = first - second
    rest = after - third
    lost = ((first - after) - second) + ((after - rest) - third)
    low = np.where((lost < least) & (lost > -least), lost, 0.0)
    rest = np.where(rest > quarter, quarter, rest)
    rest = np.where(rest < -quarter, -quarter, rest)
    square = rest * rest
    half = 0.5 * square
    whole = 1 - half
    of_sine = rest + (rest * square * _polynomial(square, SINE) + low * whole)
    of_cosine = whole + (((1 - whole) - half) + (square * square * _polynomial(square, COSINE) - low * rest))
    k = n - 4 * np.rint(n * 0.25)  # the quadrant: -2 to 2
    odd = k * k == 1
    along, across = np.where(odd, of_sine, of_cosine), np.where(odd, of_cosine, of_sine)
    return np.where((k > 0.5) | (k < -1.5), -along, along), np.where((k > 1.5) | (k < -0.5), -across, across)


@silent()
def angle_of(x: Array, y: Array) -> Array:
    """Of a direction in float64, in (-pi, pi]: the arc tangent from the axis that is nearer."""
    wide, high = np.abs(y), np.abs(x)
    flat = wide > high
    low, most = np.where(flat, high, wide), np.where(flat, wide, high)
    with np.errstate(divide="ignore"):
        ratio = low / most
    sound = np.isfinite(ratio)
    r = np.where(sound, low, 0.0) / np.where(sound, most, 1.0)
    turn = r * _polynomial(r * r, ARCTANGENT)
    turn = np.where(flat, np.pi / 2 - turn, turn)
    turn = np.where(sound | (most == 0), turn, ratio)
    turn = np.where(x < 0, np.pi - turn, turn)
    return np.where(y < 0, -turn, turn)


def _polynomial(x: Array, coefficients: tuple[float, ...]) -> Array:
    total = np.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = coefficient + x * total
    return total

"""The exponential, the sigmoid, the power, the arc tangent, the cosine and the sine of docs/SPEC.md section 1.

One rounding for each written operation, in torch operations that every processor rounds alike: no library's own exp,
whose last bit depends on the processor. A slope is the function's derivative, not that of its polynomial.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Function = Callable[[Tensor], Tensor]

# Of doubles and in two parts, the first of few digits.
LN2 = (6.93147180369123816490e-01, 1.90821492927058770002e-10)
TWO_THIRDS = (0.6666665077209473, 1.5894571940104166e-07)
# Coefficients of polynomials through the Chebyshev nodes.
LOGARITHM_FOR_FLOAT = (
    1.9999999999999472, 0.6666666667958581, 0.39999994889749985, 0.28572166372494656, 0.22174240003765905,
    0.19608245305704075,
)  # fmt: skip
EXPONENTIAL_FOR_FLOAT = (
    0.9999999999592369, 0.999999999995473, 0.5000000108377728, 0.16666666787028753, 0.0416662165210468,
    0.008333283339034426, 0.0013948697984710072, 0.00019907702175735054,
)  # fmt: skip
LOGARITHM = (
    0.6, 0.4285714285714405, 0.3333333333248383, 0.272727275030892, 0.23076892443777647, 0.20002207040770967,
    0.1755935450923681, 0.17584767935814777,
)  # fmt: skip
ARCTANGENT_OF_FLOAT = (
    0.9999999818, -0.3333303671, 0.1999187203, -0.1419779779, 0.1061837064, -0.07456854826, 0.04213762359,
    -0.01573124912, 0.002766283502,
)  # fmt: skip
ARCTANGENT_OF_DOUBLE = (
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


class _WithSlope(torch.autograd.Function):
    """value(x), whose derivative is slope(x), of any order. generate_vmap_rule and setup_context are for torch.func."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, value: Function, slope: Function) -> Tensor:
        return value(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, _, ctx.slope = inputs
        ctx.save_for_backward(x)
        ctx.save_for_forward(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return gradient * ctx.slope(*ctx.saved_tensors), None, None


class _WithTangent(_WithSlope):
    """The same forward too, which torch.compile has no means to trace."""

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: None) -> Tensor:
        result: Tensor = tangent * ctx.slope(*ctx.saved_tensors)
        return result


def with_slope(x: Tensor, value: Function, slope: Function) -> Tensor:
    function = _WithSlope if torch.compiler.is_compiling() else _WithTangent
    result: Tensor = function.apply(x, value, slope)
    return result


def _is_written_down() -> bool:
    """ONNX has no operator for the bits of a number, and torch.jit.trace fails at torch's own."""
    return torch.onnx.is_in_onnx_export() or (not torch.compiler.is_compiling() and torch._C._is_tracing())


def exponential(x: Tensor) -> Tensor:
    """e^x: x = n ln 2 + rest, and the series of e^rest. At most 1 for x <= 0, at least 1 for x >= 0."""
    if _is_written_down():
        return torch.exp(x)
    return with_slope(x, _exponential, exponential)


def decayed(x: Tensor) -> tuple[Tensor, Tensor]:
    """e^-x and 1 - e^-x of a float64 that is at least 0; the latter by the series where the former is near 1."""
    if _is_written_down():
        return torch.exp(-x), -torch.expm1(-x)
    return exponential(-x), with_slope(x, _lost, lambda x: exponential(-x))


def square_root(x: Tensor) -> Tensor:
    """Of a float64 that is at least 0, as IEEE 754 rounds it: torch's own is up to an ulp off. Without a slope at 0."""
    if _is_written_down():
        return torch.sqrt(x)
    return with_slope(x, _square_root, lambda x: torch.where(x > 0, 0.5 / square_root(x), 0.0))


def power_below(x: Tensor) -> Tensor:
    """The power of two at or below a positive float64, a constant; 1 below the normal numbers."""
    if _is_written_down():
        return torch.ones_like(x)
    found = (x.detach().view(torch.int64) & 0x7FF0000000000000).view(torch.float64)
    return torch.where(found > 0, found, 1.0)


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + e^-x), by e^-|x|."""
    negative = x < 0
    e = exponential(torch.where(negative, x, -x))
    return torch.where(negative, e, 1.0) / (1 + e)


def power(a: Tensor, p: float | Tensor) -> Tensor:
    """a^p as e^(p ln a), in float64 and rounded to the type of a once; a constant where p is a tensor.

    0^p and infinity^p are the limits, a^0 is 1; NaN where a is below 0 or one of the two is NaN.
    """
    if _is_written_down():
        return a**p
    if isinstance(p, Tensor):
        return _power(a.detach(), p.detach())
    if p == 0:
        return torch.where(a >= 0, 1.0, torch.nan).to(a.dtype)
    return with_slope(a, lambda a: _power(a, p), lambda a: p * power(a, p - 1))


def arctangent(r: Tensor) -> Tensor:
    """The arc tangent of r in [0, 1]."""
    return with_slope(r, _arctangent, lambda r: 1 / (1 + r * r))


def cosine(x: Tensor) -> Tensor:
    """Of an angle in radians, in float64 and rounded to the type of x once; NaN where x is not finite."""
    return with_slope(x, lambda x: _direction(x)[0], lambda x: -sine(x))


def sine(x: Tensor) -> Tensor:
    """As `cosine`."""
    return with_slope(x, lambda x: _direction(x)[1], cosine)


def diagonal_angle(width: Tensor, height: Tensor) -> Tensor:
    """atan(width / height) of sides >= 0, in [0, pi/2]; 0 for a point, NaN where both are infinite.

    From the axis that is nearer, so it has a slope where the height is 0; none for a point.
    """
    flat = width > height
    low, high = torch.where(flat, height, width), torch.where(flat, width, height)
    ratio = low / high
    sound = torch.isfinite(ratio)
    turn = arctangent(torch.where(sound, low, 0.0) / torch.where(sound, high, 1.0))
    turn = torch.where(flat, math.pi / 2 - turn, turn)
    return torch.where(sound | (high == 0), turn, ratio.detach())


def polynomial(x: Tensor, *coefficients: float) -> Tensor:
    """coefficients[0] + x (coefficients[1] + x (...))"""
    *rest, last = coefficients
    total = torch.full_like(x, last)
    for coefficient in reversed(rest):
        total = coefficient + x * total
    return total


def bits_of(x: Tensor) -> Tensor:
    return x.view(torch.int32 if x.dtype == torch.float32 else torch.int64)


def rounded(x: Tensor) -> Tensor:
    """The nearest whole number, ties to even."""
    return (x + _shift(x)) - _shift(x)


def _shift(x: Tensor) -> float:
    """What, added to a small number, leaves its nearest whole number in the low bits."""
    return 1.5 * 2.0**23 if x.dtype == torch.float32 else 1.5 * 2.0**52


def power_of_two(n: Tensor) -> Tensor:
    """2^n for a whole number n within the exponents of normal numbers."""
    low_bits = bits_of(n + _shift(n))
    if n.dtype == torch.float32:
        return ((low_bits << 23) + 0x3F800000).view(n.dtype)
    return ((low_bits << 52) + 0x3FF0000000000000).view(n.dtype)


def reduced(x: Tensor, least: float, most: float) -> tuple[Tensor, Tensor, Tensor]:
    """x within bounds, n and rest of x = n ln 2 + rest. n times the first part of ln 2 is exact."""
    x = torch.where(x > least, x, least)
    x = torch.where(x < most, x, most)
    n = rounded(x * 1.4426950408889634)
    if x.dtype == torch.float32:
        return x, n, (x - n * 0.693359375) - n * -2.12194440e-4
    return x, n, (x - n * LN2[0]) - n * LN2[1]


def expanded(n: Tensor, rest: Tensor) -> Tensor:
    """2^n e^rest. 2^n comes in two factors, for the results that are infinite or below the normal numbers."""
    terms = 8 if rest.dtype == torch.float32 else 14
    total = polynomial(rest, *(1 / math.factorial(k) for k in range(terms)))
    half = rounded(n * 0.5)
    return total * power_of_two(half) * power_of_two(n - half)


def _exponential(x: Tensor) -> Tensor:
    bounds = (-110.0, 90.0) if x.dtype == torch.float32 else (-750.0, 711.0)
    _, n, rest = reduced(x, *bounds)
    return torch.where(x == x, expanded(n, rest), x)


def _lost(x: Tensor) -> Tensor:
    _, n, rest = reduced(-x, -750.0, 711.0)
    series = polynomial(rest, *(1 / math.factorial(k) for k in range(1, 14)))
    return torch.where(n == 0, -rest * series, 1 - _exponential(-x))


def _square_root(x: Tensor) -> Tensor:
    small, sound = x < 2.0**-700, (x > 0) & (x < math.inf)
    a = torch.where(sound, torch.where(small, x * 2.0**512, x), 1.0)
    y = torch.sqrt(a)
    y = y + _square_missing(a, y) / (2 * y)
    below, above = ((y.view(torch.int64) + step).view(torch.float64) for step in (-1, 1))
    missing = _square_missing(a, y)
    # half way to a neighbour, a root squared is this far from y squared, but for less than a digit of a
    y = torch.where(missing <= -y * (y - below), below, torch.where(missing > y * (above - y), above, y))
    return torch.where(sound, torch.where(small, y * 2.0**-256, y), torch.sqrt(x))


def _square_missing(a: Tensor, y: Tensor) -> Tensor:
    """a - y^2 without an error, of a y close to the root: y^2 in two parts (Dekker 1971)."""
    shifted = y * 134217729.0  # 2^27 + 1
    high = shifted - (shifted - y)
    low = y - high
    square = y * y
    return (a - square) - (((high * high - square) + 2 * high * low) + low * low)


def _power(a: Tensor, p: float | Tensor) -> Tensor:
    device = a.device
    if device.type == "mps":  # has no float64
        a = a.cpu()
    x = a.double()
    exponent = p.to(x) if isinstance(p, Tensor) else x.new_full((), p)
    within = exponent.clamp(-(2.0**64), 2.0**64)  # of a float64 that is not 1 it is 0 or infinity
    value = (_power_for_float if a.dtype == torch.float32 else _power_for_double)(x, within)
    of_zero = torch.where(exponent > 0, 0.0, torch.where(exponent < 0, math.inf, 1.0)).double()
    of_infinity = torch.where(exponent > 0, math.inf, torch.where(exponent < 0, 0.0, 1.0)).double()
    value = torch.where(x == 0, of_zero, value)
    value = torch.where(x == math.inf, of_infinity, value)
    value = torch.where((x >= 0) & (exponent == exponent), value, math.nan)
    return value.to(a.dtype).to(device)


def scaled_double(a: Tensor) -> tuple[Tensor, Tensor]:
    """n and m of a = 2^n m, m in [sqrt 1/2, sqrt 2), for a positive normal float64."""
    bits = a.view(torch.int64)
    shifted = bits + (0x3FF0000000000000 - 0x3FE6A09E667F3BCD)  # 1, sqrt 1/2
    exponent = shifted >> 52
    return exponent.double() - 1023.0, (bits - (exponent << 52) + 0x3FF0000000000000).view(torch.float64)


def _power_for_float(a: Tensor, p: Tensor) -> Tensor:
    """a^p of a positive finite number, to 40 digits at most."""
    n, m = scaled_double(a)
    s = (m - 1) / (m + 1)
    of_m = s * polynomial(s * s, *LOGARITHM_FOR_FLOAT)
    _, n, rest = reduced(p * (n * 0.6931471805599453 + of_m), -110.0, 90.0)
    return polynomial(rest, *EXPONENTIAL_FOR_FLOAT) * power_of_two(n)


def leading_digits(x: Tensor) -> Tensor:
    """Without the lower 32 bits: 21 digits, so that a product of two such numbers is exact."""
    return (x.view(torch.int64) >> 32 << 32).view(torch.float64)


def logarithm(a: Tensor) -> tuple[Tensor, Tensor]:
    """ln a of a positive finite float64 in two parts, the first of leading digits.

    With s = (m - 1) / (m + 1), ln m = 2/3 (3 s + s^3 + s^5 (3/5 + 3/7 s^2 + ...)).
    """
    subnormal = a < 2.2250738585072014e-308
    n, m = scaled_double(torch.where(subnormal, a * 18014398509481984.0, a))  # 2^54
    n = n - torch.where(subnormal, 54.0, 0.0)
    f = m - 1
    whole = 2 + f
    whole_rest = f - (whole - 2)
    inverse = torch.ones_like(whole) / whole
    s = f * inverse
    s_high, whole_high = leading_digits(s), leading_digits(whole)
    s_low = inverse * ((f - s_high * whole_high) - s_high * ((whole - whole_high) + whole_rest))
    square, square_high = s * s, s_high * s_high
    terms = square * square * polynomial(square, *LOGARITHM) + s_low * (s_high + s)
    sum_high = leading_digits(3 + square_high + terms)
    sum_low = terms - ((sum_high - 3) - square_high)
    product, product_rest = s_high * sum_high, s_low * sum_high + sum_low * s
    high = leading_digits(product + product_rest)
    low = product_rest - (high - product)
    of_m, of_n = high * TWO_THIRDS[0], n * LN2[0]
    rest = (high * TWO_THIRDS[1] + low * (2 / 3)) + n * LN2[1]
    total = leading_digits((of_m + rest) + of_n)
    return total, rest - ((total - of_n) - of_m)


def _power_for_double(a: Tensor, p: Tensor) -> Tensor:
    """a^p of a positive finite number."""
    p_high = leading_digits(p)
    high, low = logarithm(a)
    product, product_rest = p_high * high, (p - p_high) * high + p * low
    exponent = product + product_rest
    exponent_rest = product_rest - (exponent - product)
    within, n, rest = reduced(exponent, -750.0, 711.0)
    return expanded(n, rest + torch.where(within == exponent, exponent_rest, 0.0))


def _arctangent(r: Tensor) -> Tensor:
    """r times a polynomial in r^2 through the Chebyshev nodes of atan(sqrt s) / sqrt s."""
    coefficients = ARCTANGENT_OF_FLOAT if r.dtype == torch.float32 else ARCTANGENT_OF_DOUBLE
    return r * polynomial(r * r, *coefficients)


def quarter_turns(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of x = n pi/2 + rest, with n whole: rest, within pi/4 for an x beyond 2^50 too; what rounding took from it; and
    n modulo 4, -2 to 2."""
    quarter, least = 0.7853981633974484, 1e-15
    n = rounded(x * 0.6366197723675814)
    first = x - n * QUARTER_TURN[0]
    second, third = n * QUARTER_TURN[1], n * QUARTER_TURN[2]
    after = first - second
    rest = after - third
    lost = ((first - after) - second) + ((after - rest) - third)
    low = torch.where((lost < least) & (lost > -least), lost, 0.0)
    rest = torch.where(rest > quarter, quarter, rest)
    rest = torch.where(rest < -quarter, -quarter, rest)
    return rest, low, n - 4 * rounded(n * 0.25)


def _direction(x: Tensor) -> tuple[Tensor, Tensor]:
    """Cosine and sine: x = n pi/2 + rest, and polynomials of rest."""
    device, dtype = x.device, x.dtype
    if device.type == "mps":  # has no float64
        x = x.cpu()
    rest, low, k = quarter_turns(x.double())
    square = rest * rest
    half = 0.5 * square
    whole = 1 - half
    of_third = rest * square * polynomial(square, *SINE)
    of_fourth = square * square * polynomial(square, *COSINE)
    of_sine = rest + (of_third + low * whole)
    of_cosine = whole + (((1 - whole) - half) + (of_fourth - low * rest))
    odd = k * k == 1
    along, across = torch.where(odd, of_sine, of_cosine), torch.where(odd, of_cosine, of_sine)
    along = torch.where((k > 0.5) | (k < -1.5), -along, along)
    across = torch.where((k > 1.5) | (k < -0.5), -across, across)
    return along.to(dtype).to(device), across.to(dtype).to(device)

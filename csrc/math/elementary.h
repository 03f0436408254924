// The elementary functions that decide something (SPEC 1): the exponential, the logistic sigmoid, the power, the arc
// tangent, the cosine and the sine, each once, for a number and a register of numbers, with the same bits on every
// processor. One rounding per written operation, no branch. ptdet/reference/elementary.py is the same once more; SPEC
// has their errors.
#pragma once

#include "math/pack_traits.h"

namespace ptdet {

// first + second x + ... with the fewest operations.
template <typename T>
PTDET_HD T horner(T, double last) {
  return T(last);
}

template <typename T, typename... Rest>
PTDET_HD T horner(T x, double first, double second, Rest... rest) {
  return T(first) + x * horner(x, second, rest...);
}

template <typename T>
constexpr bool kInFloat = sizeof(typename ElementOf<T>::type) == 4;

// Added to a small number, it rounds it to the nearest whole number, ties to even, in the low bits: 1.5 * 2^23 or 2^52.
template <typename T>
constexpr double kRoundingShift = kInFloat<T> ? 12582912.0 : 6755399441055744.0;

// 2^n for a whole number n within the exponents of normal numbers.
template <typename T>
PTDET_HD T power_of_two(T n) {
  constexpr auto kOne = static_cast<WordOf<typename ElementOf<T>::type>>(kInFloat<T> ? 0x3f800000 : 0x3ff0000000000000);
  const auto low_bits = bits_of<typename BitsOf<T>::type>(n + T(kRoundingShift<T>));
  return bits_of<T>((low_bits << (kInFloat<T> ? 23 : 52)) + kOne);
}

// x = n ln 2 + rest with n whole and |rest| <= ln 2 / 2; ln 2 in two parts, the first short, so that n times it is
// exact. x is moved within bounds beyond which the exponential is 0 or infinity.
template <typename T>
struct Reduced {
  T x, n, rest;
};

template <typename T>
PTDET_HD Reduced<T> reduced(T x, double least, double most) {
  constexpr bool kFloat = kInFloat<T>;
  const T shift(kRoundingShift<T>);
  const T above = select(x > T(least), x, T(least)), within = select(above < T(most), above, T(most));
  const T n = (within * T(1.4426950408889634) + shift) - shift;
  const T rest = (within - n * T(kFloat ? 0.693359375 : 6.93147180369123816490e-01)) -
                 n * T(kFloat ? -2.12194440e-4 : 1.90821492927058770002e-10);
  return {within, n, rest};
}

// 2^n e^rest by the series of e^rest. 2^n comes in two factors, for the results that are infinite or below the normal
// numbers.
template <typename T>
PTDET_HD T expanded(T n, T rest) {
  T sum;
  if constexpr (kInFloat<T>)
    sum = horner(rest, 1.0, 1.0, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040);
  else
    sum = horner(rest, 1.0, 1.0, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320,
                 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800);
  const T shift(kRoundingShift<T>);
  const T half = (n * T(0.5) + shift) - shift;
  return sum * power_of_two(half) * power_of_two(n - half);
}

// e^x. At most 1 for x <= 0, at least 1 for x >= 0.
template <typename T>
PTDET_HD T exponential(T x) {
  const Reduced<T> r = kInFloat<T> ? reduced(x, -110.0, 90.0) : reduced(x, -750.0, 711.0);
  return select(x == x, expanded(r.n, r.rest), x);
}

// e^-x and 1 - e^-x of a double that is at least 0, or of a register of them. The latter by the series where the former
// is near 1.
template <typename T>
struct Decayed {
  T left, lost;
};

template <typename T>
PTDET_HD Decayed<T> decayed(T x) {
  const Reduced<T> r = reduced(-x, -750.0, 711.0);
  const T left = select(x == x, expanded(r.n, r.rest), x);
  const T series = horner(r.rest, 1.0, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320,
                          1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800);
  return {left, select(r.n == T(0.0), -r.rest * series, T(1.0) - left)};
}

// 1 / (1 + e^-x), by e^-|x|, so that nothing overflows and the small results keep their digits. 1/2 at 0.
template <typename T>
PTDET_HD T sigmoid(T x) {
  const auto negative = x < T(0);
  const T e = exponential(select(negative, x, -x));
  return select(negative, e, T(1)) / (T(1) + e);
}

// a = 2^n m, with m in [sqrt 1/2, sqrt 2), of a positive normal double.
template <typename T>
struct Scaled {
  T n, m;
};

template <typename T>
PTDET_HD Scaled<T> scaled_double(T a) {
  const auto bits = bits_of<typename BitsOf<T>::type>(a);
  const auto shifted = bits + (0x3ff0000000000000ull - 0x3fe6a09e667f3bcdull);  // 1, sqrt 1/2
  return {bits_of<T>((shifted >> 52) | 0x4330000000000000ull) - T(4503599627370496.0 + 1023.0),
          bits_of<T>(bits - (shifted & 0xfff0000000000000ull) + 0x3ff0000000000000ull)};
}

// a^p where a is positive and finite, to 40 digits at most: for a result in float. ln m is a polynomial in the square
// of s = (m - 1) / (m + 1), times s; this one and that of the exponential are through the Chebyshev nodes.
template <typename T>
PTDET_HD T power_for_float(T a, double p) {
  const Scaled<T> scaled = scaled_double(a);
  const T s = (scaled.m - T(1.0)) / (scaled.m + T(1.0));
  const T of_m = s * horner(s * s, 1.9999999999999472, 0.6666666667958581, 0.39999994889749985, 0.28572166372494656,
                            0.22174240003765905, 0.19608245305704075);
  const T exponent = T(p) * (scaled.n * T(0.6931471805599453) + of_m);
  const Reduced<T> r = reduced(exponent, -110.0, 90.0);
  return horner(r.rest, 0.9999999999592369, 0.999999999995473, 0.5000000108377728, 0.16666666787028753,
                0.0416662165210468, 0.008333283339034426, 0.0013948697984710072, 0.00019907702175735054) *
         power_of_two(r.n);
}

// Without the lower 32 bits: 21 digits, so that a product of two such numbers is exact.
template <typename T>
PTDET_HD T leading_digits(T x) {
  return bits_of<T>(bits_of<typename BitsOf<T>::type>(x) & 0xffffffff00000000ull);
}

// The sum of two numbers that no single one can hold; `high` has leading digits only.
template <typename T>
struct InTwoParts {
  T high, low;
};

// The natural logarithm of a positive finite double. With s as above, ln m = 2/3 (3 s + s^3 + s^5 (3/5 + 3/7 s^2 ...)).
// As in fdlibm's pow (Sun Microsystems 1993), s and the first two terms are held in two parts, and the rest is a
// polynomial through the Chebyshev nodes.
template <typename T>
PTDET_HD InTwoParts<T> logarithm(T a) {
  const auto subnormal = a < T(2.2250738585072014e-308);
  const Scaled<T> scaled = scaled_double(select(subnormal, a * T(18014398509481984.0), a));  // 2^54
  const T n = scaled.n - select(subnormal, T(54.0), T(0.0));
  const T f = scaled.m - T(1.0), whole = T(2.0) + f, whole_rest = f - (whole - T(2.0));
  const T inverse = T(1.0) / whole;
  const T s = f * inverse, s_high = leading_digits(s), whole_high = leading_digits(whole);
  const T s_low = inverse * ((f - s_high * whole_high) - s_high * ((whole - whole_high) + whole_rest));
  const T square = s * s, square_high = s_high * s_high;
  const T series = horner(square, 0.6, 0.4285714285714405, 0.3333333333248383, 0.272727275030892, 0.23076892443777647,
                          0.20002207040770967, 0.1755935450923681, 0.17584767935814777);
  const T terms = square * square * series + s_low * (s_high + s);
  const T sum_high = leading_digits(T(3.0) + square_high + terms);
  const T sum_low = terms - ((sum_high - T(3.0)) - square_high);
  const T product = s_high * sum_high, product_rest = s_low * sum_high + sum_low * s;
  const T high = leading_digits(product + product_rest), low = product_rest - (high - product);
  // 2/3 and ln 2 in two parts each
  const T of_m = high * T(0.6666665077209473), of_n = n * T(6.93147180369123816490e-01);
  const T rest = (high * T(1.5894571940104166e-07) + low * T(0.6666666666666666)) + n * T(1.90821492927058770002e-10);
  const T total = leading_digits((of_m + rest) + of_n);
  return {total, rest - ((total - of_n) - of_m)};
}

// a^p where a is positive and finite.
template <typename T>
PTDET_HD T power_for_double(T a, double p) {
  const double p_high = leading_digits(p), p_low = p - p_high;
  const InTwoParts<T> ln = logarithm(a);
  const T product = T(p_high) * ln.high, product_rest = T(p_low) * ln.high + T(p) * ln.low;
  const T exponent = product + product_rest, exponent_rest = product_rest - (exponent - product);
  const Reduced<T> r = reduced(exponent, -750.0, 711.0);
  return expanded(r.n, r.rest + select(r.x == exponent, exponent_rest, T(0.0)));
}

// a^p as e^(p ln a), in double whatever T is, rounded to T once. 0^p and infinity^p are the limits, a^0 is 1; NaN where
// a is below 0 or one of the two is NaN.
template <typename T>
PTDET_HD T power(T a, double p) {
  constexpr double kInfinity = INFINITY, kNan = NAN;
  constexpr double kEnough = 18446744073709551616.0;  // 2^64: of a double that is not 1 it is 0 or infinity
  const double within = p > kEnough ? kEnough : p < -kEnough ? -kEnough : p;
  const double of_zero = p > 0.0 ? 0.0 : p < 0.0 ? kInfinity : 1.0;
  const double of_infinity = p > 0.0 ? kInfinity : p < 0.0 ? 0.0 : 1.0;
  const double least = p == p ? 0.0 : kNan;
  return in_double(a, [=](auto x) {
    using D = decltype(x);
    const D value = kInFloat<T> ? power_for_float(x, within) : power_for_double(x, within);
    const D above = select(x == D(0.0), D(of_zero), value);
    const D known = select(x == D(kInfinity), D(of_infinity), above);
    return select(x >= D(least), known, D(kNan));
  });
}

// The arc tangent of r in [0, 1]: r times a polynomial in r^2 through the Chebyshev nodes of atan(sqrt s) / sqrt s,
// whose relative error is 2e-8 in float, 9e-19 in double.
template <typename T>
PTDET_HD T arctangent(T r) {
  const T s = r * r;
  if constexpr (kInFloat<T>)
    return r * horner(s, 0.9999999818, -0.3333303671, 0.1999187203, -0.1419779779, 0.1061837064, -0.07456854826,
                      0.04213762359, -0.01573124912, 0.002766283502);
  else
    return r * horner(s, 0.999999999999999999, -0.333333333333332478, 0.199999999999861568, -0.142857142848204287,
                      0.111111110803838533, -0.0909090844033884344, 0.0769229843298568504, -0.0666657280628976317,
                      0.0588164723671741498, -0.0525910378948588166, 0.0474370596643216963, -0.0428286457027944738,
                      0.0381298097542250422, -0.0326411629297707717, 0.0259471057039563025, -0.018386836817918876,
                      0.0111220146697526334, -0.00548477897180935583, 0.00209063353526367613, -0.000572792578129209658,
                      0.0000997841081195303136, -8.26799581733715019e-6);
}

// The cosine and the sine of an angle in radians.
template <typename T>
struct Direction {
  T cos, sin;
};

// x = n pi/2 + rest with n whole.
template <typename T>
struct QuarterTurns {
  T rest, low;  // within pi/4, and what rounding took from it
  T quadrant;   // n modulo 4: -2 to 2
};

// pi/2 comes in three parts, so that n times the first two is exact up to 2^20 quarter turns. Beyond 2^50, where
// doubles are too far apart to say a direction, rest is kept within its bounds.
template <typename T>
PTDET_HD QuarterTurns<T> quarter_turns(T x) {
  const T shift(kRoundingShift<T>), quarter(0.7853981633974484), least(1e-15);
  const T n = (x * T(0.6366197723675814) + shift) - shift;
  const T second = n * T(6.07710050630396597660e-11), third = n * T(2.02226624879595063154e-21);
  const T first = x - n * T(1.57079632673412561417), next = first - second, close = next - third;
  const T lost = ((first - next) - second) + ((next - close) - third);
  const T below = select(close > quarter, quarter, close);
  const T turns = (n * T(0.25) + shift) - shift;
  return {select(below < -quarter, -quarter, below), select((lost < least) & (lost > -least), lost, T(0.0)),
          n - T(4.0) * turns};
}

// The polynomials are through the Chebyshev nodes. x is a double, or a register of them.
template <typename T>
PTDET_HD Direction<T> direction(T x) {
  const QuarterTurns<T> turned = quarter_turns(x);
  const T rest = turned.rest, low = turned.low, k = turned.quadrant;
  const T square = rest * rest, half = T(0.5) * square, whole = T(1.0) - half;
  const T of_third = rest * square *
                     horner(square, -0.166666666666666646, 0.00833333333333094848, -0.000198412698367585707,
                            2.75573161025505712e-6, -2.50511318446141068e-8, 1.59181292668033941e-10);
  const T of_fourth = square * square *
                      horner(square, 0.0416666666666666654, -0.00138888888888873972, 0.0000248015872987656857,
                             -2.75573172717286237e-7, 2.08761462681595208e-9, -1.13826324079656163e-11);
  const T sine = rest + (of_third + low * whole);
  const T cosine = whole + (((T(1.0) - whole) - half) + (of_fourth - low * rest));
  const auto odd = k * k == T(1.0);
  const T along = select(odd, sine, cosine), across = select(odd, cosine, sine);
  return {select(k > T(0.5), -along, select(k < T(-1.5), -along, along)),
          select(k > T(1.5), -across, select(k < T(-0.5), -across, across))};
}

// In double whatever T is, rounded to T once. NaN where x is not finite.
template <typename T>
PTDET_HD T cosine(T x) {
  return in_double(x, [](auto wide) { return direction(wide).cos; });
}

template <typename T>
PTDET_HD T sine(T x) {
  return in_double(x, [](auto wide) { return direction(wide).sin; });
}

}  // namespace ptdet

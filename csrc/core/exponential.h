// e^x without a branch: one sum for a number and for a register of numbers, the same on every processor.
#pragma once

#include "core/order.h"
#include "core/polynomial.h"

namespace ptdet {

// 2^n for a whole number n within the exponents of normal numbers: n lands in the low bits of n + 1.5 * 2^23 (or 2^52).
PTDET_HD float power_of_two(float n) {
  return bits_of<float>((bits_of<uint32_t>(n + 12582912.0f) << 23) + 0x3f800000u);
}
PTDET_HD double power_of_two(double n) {
  return bits_of<double>((bits_of<uint64_t>(n + 6755399441055744.0) << 52) + 0x3ff0000000000000ull);
}

// x = n ln 2 + r with n whole and |r| <= ln 2 / 2, and the series of e^r. 2^n comes in two factors, for the results
// that are infinite or below the normal numbers. Within 2 units in the last place.
template <typename T>
PTDET_HD T exponential(T x) {
  constexpr bool kFloat = sizeof(typename ElementOf<T>::type) == 4;
  const T shift(kFloat ? 12582912.0 : 6755399441055744.0);
  const T within = lesser(greater(x, T(kFloat ? -110.0 : -750.0)), T(kFloat ? 90.0 : 711.0));
  const T n = (within * T(1.4426950408889634) + shift) - shift;
  const T r = (within - n * T(kFloat ? 0.693359375 : 6.93147180369123816490e-01)) -
              n * T(kFloat ? -2.12194440e-4 : 1.90821492927058770002e-10);
  T sum;
  if constexpr (kFloat)
    sum = horner(r, 1.0, 1.0, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040);
  else
    sum = horner(r, 1.0, 1.0, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320, 1.0 / 362880,
                 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800);
  const T half = (n * T(0.5) + shift) - shift;
  return select(x == x, sum * power_of_two(half) * power_of_two(n - half), x);
}

}  // namespace ptdet

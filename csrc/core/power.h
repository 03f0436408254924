// a^p for a >= 0, without a branch, so that a compiler makes vectors of it; libm's pow takes one number at a time.
#pragma once

#include "core/order.h"

namespace ptdet {

// log2 of a positive normal number: its exponent, and the series of atanh for its mantissa within [sqrt 1/2, sqrt 2].
PTDET_HD double log2_of(double a) {
  const uint64_t bits = bits_of<uint64_t>(a);
  const uint64_t high = (bits & 0xfffffffffffffull) > 0x6a09e667f3bcdull ? 1 : 0;  // above sqrt 2: halve it
  const double mantissa = bits_of<double>((bits & 0xfffffffffffffull) | (1023ull - high) << 52);
  const double exponent =
      bits_of<double>(0x4330000000000000ull | ((bits >> 52) + high)) - (4503599627370496.0 + 1023.0);
  const double t = (mantissa - 1.0) / (mantissa + 1.0), u = t * t;
  double sum = 1.0 / 21.0;
  for (int n = 19; n > 0; n -= 2) sum = sum * u + 1.0 / n;
  return exponent + t * sum * 2.8853900817779268;  // 2 / ln 2
}

// 2^y, and 0 where that is below 2^-1021.
PTDET_HD double exp2_of(double y) {
  const double above = y > -1021.0 ? y : -1021.0;
  const double within = above < 1024.0 ? above : 1024.0;
  const double shifted = within + 6755399441055744.0;  // 1.5 * 2^52: the nearest integer in the low bits
  const double z = (within - (shifted - 6755399441055744.0)) * 0.6931471805599453;
  double sum = 1.0;
  for (int n = 13; n > 0; --n) sum = 1.0 + sum * z * (1.0 / n);
  // Half the power of two, and twice the product: 2^1024 is no number, though 2^1023.7 is.
  const double value = sum * bits_of<double>((bits_of<uint64_t>(shifted) << 52) + 0x3fe0000000000000ull) * 2.0;
  return y < -1021.0 ? 0.0 : value;
}

PTDET_HD double power(double a, double p) {
#if defined(__CUDA_ARCH__)
  return pow(a, p);
#else
  const bool subnormal = a < 2.2250738585072014e-308;
  const double normal = subnormal ? a * 18014398509481984.0 : a;  // 2^54
  const double y = (log2_of(normal) - (subnormal ? 54.0 : 0.0)) * p;
  const double value = exp2_of(y);
  const double least = p > 0.0 ? 0.0 : __builtin_huge_val(), most = p > 0.0 ? __builtin_huge_val() : 0.0;
  const double finite = a == 0.0 ? least : value;
  const double known = a == __builtin_huge_val() ? most : finite;
  return a == a ? known : a;
#endif
}

}  // namespace ptdet

// Numbers that neither overflow nor underflow: the digits of T with an exponent of their own. Each operation rounds
// once, to the digits of T, so that where T's own exponents suffice the result is T's, bit for bit.
#pragma once

#include "math/order.h"

namespace ptdet {

template <typename T>
struct Floating;
template <>
struct Floating<float> {
  using Bits = uint32_t;
  using Signed = int32_t;
  static constexpr int kDigits = 23, kBias = 127;
};
template <>
struct Floating<double> {
  using Bits = uint64_t;
  using Signed = int64_t;
  static constexpr int kDigits = 52, kBias = 1023;
};

// 2^n, for the exponents of normal numbers.
template <typename T>
PTDET_HD T two_to(int n) {
  using F = Floating<T>;
  return bits_of<T>(static_cast<typename F::Bits>(n + F::kBias) << F::kDigits);
}

// part * 2^power with 1 <= |part| < 2; a part that is 0, infinite or NaN stands for itself.
template <typename T>
struct Wide {
  static constexpr int kPowerOfZero = -(1 << 24);  // below all others: 0 aligns with any number

  T part = T(0);
  int power = kPowerOfZero;

  Wide() = default;
  PTDET_HD Wide(T x) : Wide(x, 0) {}
  PTDET_HD Wide(T x, int by) {
    using F = Floating<T>;
    using Bits = typename F::Bits;
    constexpr Bits kExponents = 2 * F::kBias + 1;
    const bool subnormal = (bits_of<Bits>(x) >> F::kDigits & kExponents) == 0;
    const T normal = subnormal ? x * two_to<T>(64) : x;
    const Bits bits = bits_of<Bits>(normal);
    const int exponent = static_cast<int>(bits >> F::kDigits & kExponents);
    const bool number = exponent != 0 && exponent != static_cast<int>(kExponents);  // not 0, infinite or NaN
    part = number ? bits_of<T>((bits & ~(kExponents << F::kDigits)) | Bits(F::kBias) << F::kDigits) : x;
    power = number ? exponent - F::kBias + by - (subnormal ? 64 : 0) : (exponent == 0 ? kPowerOfZero : 0);
  }

  // The part of a sum whose greatest member has the power `top`. What lies below its last digits need not be exact.
  PTDET_HD T below(int top) const {
    const int shift = power - top;
    return part * two_to<T>(shift > -100 ? shift : -100);
  }

  // Rounds to T: below its normal numbers to their spacing, above its largest to infinity.
  PTDET_HD T narrow() const {
    constexpr int kReach = Floating<T>::kBias + 77;  // beyond it all is 0 or infinite
    const int within = power > kReach ? kReach : (power < -kReach ? -kReach : power), half = within / 2;
    return part * two_to<T>(half) * two_to<T>(within - half);
  }
};

template <typename T>
PTDET_HD T narrowed(T x) {
  return x;
}
template <typename T>
PTDET_HD T narrowed(const Wide<T>& x) {
  return x.narrow();
}

template <typename T>
PTDET_HD Wide<T> operator*(const Wide<T>& a, const Wide<T>& b) {
  return {a.part * b.part, a.power + b.power};
}

template <typename T>
PTDET_HD Wide<T> operator/(const Wide<T>& a, const Wide<T>& b) {
  return {a.part / b.part, a.power - b.power};
}

template <typename T>
PTDET_HD Wide<T> operator+(const Wide<T>& a, const Wide<T>& b) {
  const int top = a.power > b.power ? a.power : b.power;
  return {a.below(top) + b.below(top), top};
}

}  // namespace ptdet

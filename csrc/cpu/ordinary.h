// Whether the numbers of a call all are so near 1 that its weighted means need no look at exponents: terms, sums of
// 2^22 terms, and quotients of such sums, are normal numbers then, with weights that have been multiplied by 1/16 to 1
// too. Each number may be 0.
#pragma once

#include "math/box_fusion.h"

namespace ptdet::cpu {

constexpr int64_t kMostOrdinary = int64_t{1} << 22;

// The exponents lie within [-32, 31] or, of double, [-256, 255]. Three operations a number, and they make vectors.
template <typename T>
bool all_ordinary(const Box<T>* boxes, int64_t count) {
  using F = Floating<T>;
  using Bits = typename F::Bits;
  constexpr int kReach = sizeof(T) == 4 ? 32 : 256;
  constexpr Bits kFirst = Bits(F::kBias - kReach) << F::kDigits, kSign = Bits(1) << (8 * sizeof(T) - 1);
  const T* values = &boxes->x1;
  Bits above = 0;
  for (int64_t i = 0; i < 4 * count; ++i) {
    const Bits size = bits_of<Bits>(values[i]) & ~kSign;
    above |= size == 0 ? 0 : size - kFirst;
  }
  return count <= kMostOrdinary && above < Bits(2 * kReach) << F::kDigits;
}

// The sizes lie within [2^-32, 2^10] or, of double, [2^-256, 2^256].
template <typename T>
bool all_ordinary(const T* weights, int64_t count) {
  using F = Floating<T>;
  using Bits = typename F::Signed;
  constexpr int kLeast = sizeof(T) == 4 ? -32 : -256, kMost = sizeof(T) == 4 ? 10 : 256;
  constexpr Bits kFirst = Bits(kLeast + F::kBias) << F::kDigits, kLast = Bits(kMost + F::kBias) << F::kDigits;
  Bits strange = 0;
  for (int64_t i = 0; i < count; ++i) {
    const Bits size = bits_of<Bits>(weights[i]) & ~(Bits(1) << (8 * sizeof(T) - 1));
    strange |= ((size < kFirst) & (size != 0)) | (size > kLast);
  }
  return count <= kMostOrdinary && strange == 0;
}

}  // namespace ptdet::cpu

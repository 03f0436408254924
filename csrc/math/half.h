// The half types as they lie in memory, and the one conversion each way. Plain integer code: it needs no compiler's
// half type, no instruction set and no CUDA header. The templates take one number (uint32_t, float) or a vector of
// them. They select instead of branching, so that a compiler can make vectors of loops over numbers. A GPU has an
// instruction for float16, which gives the same numbers; only the bits of a NaN differ.
#pragma once

#include "math/order.h"

namespace ptdet {

// Exact: every half is a float. NaN stays NaN.
template <typename Floats, typename Words>
PTDET_HD Floats bfloat16_to_float(Words bits) {
  return bits_of<Floats>(bits << 16);
}

template <typename Floats, typename Words>
PTDET_HD Floats half_to_float(Words bits) {
  const Words magnitude = bits & 0x7fffu;
  // Subnormal halves are multiples of 2^-24, which is the spacing of the floats from 0.5 on.
  const Words subnormal = bits_of<Words>(bits_of<Floats>(magnitude + 0x3f000000u) - 0.5f);
  const Words bias = magnitude >= 0x7c00u ? Words{} + (224u << 23) : Words{} + (112u << 23);  // 15 to 127, or infinity
  const Words rebased = (magnitude << 13) + bias;
  return bits_of<Floats>((magnitude < 0x400u ? subnormal : rebased) | (bits & 0x8000u) << 16);
}

// To the nearest, ties to even. NaN stays NaN.
template <typename Words, typename Floats>
PTDET_HD Words float_to_bfloat16(Floats value) {
  const Words bits = bits_of<Words>(value);
  const Words rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
  return (bits & 0x7fffffffu) > 0x7f800000u ? Words{} + 0x7fc0u : rounded;
}

template <typename Words, typename Floats>
PTDET_HD Words float_to_half(Floats value) {
  const Words bits = bits_of<Words>(value), magnitude = bits & 0x7fffffffu;
  // Below 2^-14 the sum with 0.5 has the spacing of the subnormal halves, so the addition rounds.
  const Words subnormal = bits_of<Words>(bits_of<Floats>(magnitude) + 0.5f) - 0x3f000000u;
  const Words rebased = magnitude - (112u << 23);
  const Words normal = (rebased + 0xfffu + (rebased >> 13 & 1u)) >> 13;
  const Words finite = magnitude < 0x38800000u ? subnormal : normal;
  const Words number = magnitude >= 0x47800000u ? Words{} + 0x7c00u : finite;  // 2^16 and above are infinite
  return (bits >> 16 & 0x8000u) | (magnitude > 0x7f800000u ? Words{} + 0x7e00u : number);
}

struct Float16 {
  uint16_t bits;
  PTDET_HD operator float() const {
#if defined(__CUDA_ARCH__)
    float number;
    asm("cvt.f32.f16 %0, %1;" : "=f"(number) : "h"(bits));
    return number;
#else
    return half_to_float<float>(uint32_t{bits});
#endif
  }
  PTDET_HD static Float16 from(float number) {
#if defined(__CUDA_ARCH__)
    Float16 half;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(half.bits) : "f"(number));
    return half;
#else
    return {static_cast<uint16_t>(float_to_half<uint32_t>(number))};
#endif
  }
};
struct BFloat16 {
  uint16_t bits;
  PTDET_HD operator float() const { return bfloat16_to_float<float>(uint32_t{bits}); }
};

// A computed number as it is stored.
template <typename Stored, typename T>
PTDET_HD Stored stored_as(T value) {
  if constexpr (std::is_same<Stored, Float16>::value)
    return Float16::from(static_cast<float>(value));
  else if constexpr (std::is_same<Stored, BFloat16>::value)
    return {static_cast<uint16_t>(float_to_bfloat16<uint32_t>(static_cast<float>(value)))};
  else
    return static_cast<Stored>(value);
}

}  // namespace ptdet

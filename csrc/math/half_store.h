// Floats to half types, rounded to nearest, ties to even; NaN stays NaN. Selections instead of branches, so that a
// compiler makes vectors of them.
#pragma once

#include "math/order.h"

namespace ptdet {

PTDET_HD uint16_t float_to_bfloat16(float value) {
  const uint32_t bits = bits_of<uint32_t>(value);
  const uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
  return static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : rounded);
}

PTDET_HD uint16_t float_to_half(float value) {
  const uint32_t bits = bits_of<uint32_t>(value);
  const uint32_t magnitude = bits & 0x7fffffffu;
  // Below 2^-14 the sum with 0.5 has the spacing of the subnormal halves, so the addition rounds.
  const uint32_t subnormal = bits_of<uint32_t>(bits_of<float>(magnitude) + 0.5f) - 0x3f000000u;
  const uint32_t rebased = magnitude - (112u << 23);
  const uint32_t rounded = (rebased + 0xfffu + (rebased >> 13 & 1u)) >> 13;
  const uint32_t normal = magnitude >= 0x47800000u ? 0x7c00u : rounded;  // 2^16 and above are inf
  const uint32_t number = magnitude < 0x38800000u ? subnormal : normal;
  return static_cast<uint16_t>((bits >> 16 & 0x8000u) | (magnitude > 0x7f800000u ? 0x7e00u : number));
}

}  // namespace ptdet

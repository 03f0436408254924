// From float to the half types' bits: to the nearest, ties to even.
#pragma once

#include "math/order.h"

namespace ptdet {

PTDET_HD uint16_t float_to_bfloat16(float value) {
  const uint32_t bits = bits_of<uint32_t>(value);
  if (value != value) return static_cast<uint16_t>((bits >> 16) | 0x40u);  // stays NaN when its payload is cut
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

PTDET_HD uint16_t float_to_half(float value) {
  const uint32_t bits = bits_of<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000u, magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u);
  if (magnitude >= 0x47800000u) return static_cast<uint16_t>(sign | 0x7c00u);  // from 2^16 on
  if (magnitude < 0x38800000u) {
    // Below 2^-14 halves are multiples of 2^-24: adding 0.5 leaves that multiple, rounded, in the last bits of a float.
    const uint32_t shifted = bits_of<uint32_t>(bits_of<float>(magnitude) + 0.5f);
    return static_cast<uint16_t>(sign | (shifted - 0x3f000000u));
  }
  const uint32_t rebiased = magnitude - (112u << 23);  // bias 127 to 15
  return static_cast<uint16_t>(sign | ((rebiased + 0xfffu + ((rebiased >> 13) & 1u)) >> 13));
}

}  // namespace ptdet

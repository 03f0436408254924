// The half types as the bits that lie in memory. Plain integer code: no compiler, instruction set or CUDA
// header is needed, and both rooms read the same numbers.
#pragma once

#include "math/order.h"

namespace ptdet {

struct Float16 {
  uint16_t bits;
};
struct BFloat16 {
  uint16_t bits;
};

// Both are exact: every half is a float. NaN stays NaN.
PTDET_HD float bfloat16_to_float(uint16_t bits) { return bits_of<float>(static_cast<uint32_t>(bits) << 16); }

PTDET_HD float half_to_float(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  const uint32_t magnitude = bits & 0x7fffu;
  if (magnitude >= 0x7c00u) return bits_of<float>(sign | 0x7f800000u | (magnitude & 0x3ffu) << 13);
  // Subnormals are multiples of 2^-24 below 2^-14; the product is exact.
  if (magnitude < 0x400u) {
    const float value = static_cast<float>(magnitude) * 5.9604644775390625e-8f;
    return bits_of<float>(sign | bits_of<uint32_t>(value));
  }
  return bits_of<float>(sign | ((magnitude << 13) + (112u << 23)));  // rebias 15 to 127
}

}  // namespace ptdet

// Sort keys. Ascending keys are the order of SPEC 1: decreasing score, -0.0 equal to 0.0, every NaN equal and
// first. Stability of the sort then gives ties to the lower index.
#pragma once

#include <cstring>

#include "math/platform.h"

namespace ptdet {

template <typename To, typename From>
PTDET_HD To bits_of(From from) {
  static_assert(sizeof(To) == sizeof(From), "a bit pattern keeps its size");
  To to;
  memcpy(&to, &from, sizeof(to));
  return to;
}

PTDET_HD uint32_t score_key(float score) {
  if (score != score) return 0;
  if (score == 0.0f) score = 0.0f;  // -0.0 becomes 0.0
  const uint32_t bits = bits_of<uint32_t>(score);
  return bits >> 31 ? bits : 0x7fffffffu - bits;  // negative floats already grow downwards
}

PTDET_HD uint64_t score_key(double score) {
  if (score != score) return 0;
  if (score == 0.0) score = 0.0;
  const uint64_t bits = bits_of<uint64_t>(score);
  return bits >> 63 ? bits : 0x7fffffffffffffffull - bits;
}

template <typename Score>
using KeyOf = decltype(score_key(Score()));

// Two boxes are of one group iff their keys are equal: integers by value, floats by value with -0.0 as 0.0.
PTDET_HD int64_t group_key(int64_t id) { return id; }

PTDET_HD int64_t group_key(double id) {
  if (id == 0.0) id = 0.0;
  return bits_of<int64_t>(id);
}

}  // namespace ptdet

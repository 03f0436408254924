// Weighted boxes fusion, a fused box at a time: what a member adds to it. The order of members is part of the result.
#pragma once

#include <cstdint>

#include "math/weighted_mean.h"

namespace ptdet {

template <typename T, typename Mean = WeightedMean<T>>
struct Fused {
  Mean mean;
  T highest = T(0);
  T weights = T(0);  // of its members' models
  int64_t size = 0;

  // `box` is the fused box, of the founder its own; a score is weighted, `weight` is that of its model.
  PTDET_HD void add(const Box<T>& member, T score, T weight, Box<T>& box) {
    mean.add(member, score);
    weights = weights + weight;
    highest = size == 0 ? score : greater(highest, score);
    box = size == 0 ? member : mean.or_else(box);
    ++size;
  }
};

}  // namespace ptdet

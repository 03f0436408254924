// The weighted mean of boxes, added one by one: the order in which they come is part of the result.
#pragma once

#include "core/overlap.h"

namespace ptdet {

template <typename T>
struct WeightedMean {
  T x1 = T(0), y1 = T(0), x2 = T(0), y2 = T(0), total = T(0);

  PTDET_HD void add(const Box<T>& box, T weight) {
    x1 = x1 + weight * box.x1;
    y1 = y1 + weight * box.y1;
    x2 = x2 + weight * box.x2;
    y2 = y2 + weight * box.y2;
    total = total + weight;
  }

  // Weights that sum to 0, or a mean that is not finite, leave the box as it is.
  PTDET_HD Box<T> or_else(const Box<T>& box) const {
    const Box<T> mean{x1 / total, y1 / total, x2 / total, y2 / total};
    const bool sound =
        total != T(0) && is_finite(mean.x1) && is_finite(mean.y1) && is_finite(mean.x2) && is_finite(mean.y2);
    return sound ? mean : box;
  }
};

}  // namespace ptdet

// The early way out of `suppresses`: most pairs have no common area, and then no division is needed.
#pragma once

#include "math/threshold.h"

namespace ptdet {

// Without a common area a measure is at most 0, or not finite. GIoU alone can come out above 0: where two boxes
// touch, the union, rounded, may exceed the hull.
template <typename Measure>
struct AtMostZeroApart {
  static constexpr bool value = true;
};
template <>
struct AtMostZeroApart<Giou> {
  static constexpr bool value = false;
};

// By comparisons alone: then they have no common area, or one that is NaN and a measure that is not finite.
template <typename T>
PTDET_HD bool surely_apart(const Box<T>& a, const Box<T>& b) {
  const bool aside = (a.x2 <= b.x1) | (b.x2 <= a.x1), over = (a.y2 <= b.y1) | (b.y2 <= a.y1);  // without branches
  return aside | over;
}

template <typename T>
PTDET_HD bool excludes_zero(const Threshold<T>& threshold) {
  return threshold.inclusive ? threshold.bound > T(0) : threshold.bound >= T(0);
}

// `suppresses`, decision for decision.
template <typename Measure, typename T>
PTDET_HD bool suppresses_early_out(const Box<T>& visited, const Box<T>& candidate, const Threshold<T>& threshold) {
  if (AtMostZeroApart<Measure>::value && excludes_zero(threshold) && area(intersection(candidate, visited)) == T(0))
    return false;
  return suppresses<Measure>(visited, candidate, threshold);
}

}  // namespace ptdet

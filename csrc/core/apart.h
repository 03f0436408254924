// The early way out of `suppresses`: most pairs have no common area, and then no division is needed.
#pragma once

#include "core/threshold.h"

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

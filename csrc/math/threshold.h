// The predicate of every suppression (SPEC 1): an overlap in the computation type against a double threshold.
#pragma once

#include <cmath>

#include "math/diou_power.h"

namespace ptdet {

// A threshold brought to the computation type without changing any decision: for `v > t` the largest T that
// is <= t, for `v >= t` the smallest that is >= t. Host only; kernels receive the finished struct.
template <typename T>
struct Threshold {
  T bound;
  bool inclusive;
  double beta;  // of DiouPower; nothing else reads it

  static Threshold from(double t, bool inclusive, double beta = 1) {
    T bound = static_cast<T>(t);
    if (!inclusive && static_cast<double>(bound) > t) bound = std::nextafter(bound, -T(INFINITY));
    if (inclusive && static_cast<double>(bound) < t) bound = std::nextafter(bound, T(INFINITY));
    return {bound, inclusive, beta};
  }

  // An overlap that is not finite satisfies nothing.
  PTDET_HD bool met_by(T overlap) const {
    return is_finite(overlap) && (inclusive ? overlap >= bound : overlap > bound);
  }
};

template <typename Measure>
struct Suppression {
  template <typename T>
  PTDET_HD static T overlap(const Box<T>& visited, const Box<T>& candidate, const Threshold<T>&) {
    return Measure::between(candidate, visited);
  }
};
// The penalty only lowers an IoU: where that does not meet the threshold, no power is asked for.
template <>
struct Suppression<DiouPower> {
  template <typename T>
  PTDET_HD static T overlap(const Box<T>& visited, const Box<T>& candidate, const Threshold<T>& threshold) {
    const T iou = Iou::between(candidate, visited);
    return threshold.met_by(iou) ? DiouPower::of(iou, candidate, visited, threshold.beta) : iou;
  }
};

template <typename Measure, typename T>
PTDET_HD bool suppresses(const Box<T>& visited, const Box<T>& candidate, const Threshold<T>& threshold) {
  return threshold.met_by(Suppression<Measure>::overlap(visited, candidate, threshold));
}

}  // namespace ptdet

// The predicate of every suppression (SPEC 1): an overlap in the computation type against a double threshold.
#pragma once

#include <cmath>

#include "core/diou_power.h"
#include "core/parameter.h"

namespace ptdet {

// A threshold brought to the computation type without changing any decision: for `v > t` the largest T that
// is <= t, for `v >= t` the smallest that is >= t. Host only; kernels receive the finished struct.
template <typename T>
struct Threshold {
  T bound;
  bool inclusive;
  T beta;  // of DiouPower; nothing else reads it

  static Threshold from(double t, bool inclusive, double beta = 1) {
    T bound = static_cast<T>(t);
    if (!inclusive && static_cast<double>(bound) > t) bound = std::nextafter(bound, -T(INFINITY));
    if (inclusive && static_cast<double>(bound) < t) bound = std::nextafter(bound, T(INFINITY));
    return {bound, inclusive, parameter<T>(beta)};
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
template <>
struct Suppression<DiouPower> {
  template <typename T>
  PTDET_HD static T overlap(const Box<T>& visited, const Box<T>& candidate, const Threshold<T>& threshold) {
    return DiouPower::between(candidate, visited, threshold.beta);
  }
};

template <typename Measure, typename T>
PTDET_HD bool suppresses(const Box<T>& visited, const Box<T>& candidate, const Threshold<T>& threshold) {
  return threshold.met_by(Suppression<Measure>::overlap(visited, candidate, threshold));
}

}  // namespace ptdet

// The predicate of every suppression (SPEC 1): an overlap in the computation type against a double threshold.
#pragma once

#include <cmath>

#include "math/overlap.h"

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

  // An overlap that is not finite satisfies nothing. For a number, or a register of numbers.
  template <typename Overlap>
  PTDET_HD auto met_by(Overlap overlap) const {
    if constexpr (std::is_floating_point<Overlap>::value)
      return is_finite(overlap) && (inclusive ? overlap >= bound : overlap > bound);
    else
      return is_finite(overlap) & (inclusive ? overlap >= Overlap(bound) : overlap > Overlap(bound));
  }

  PTDET_HD bool excludes_zero() const { return inclusive ? bound > T(0) : bound >= T(0); }
};

// The same of a threshold that a kernel computes: a T becomes a double without loss.
template <typename T>
PTDET_HD bool meets(T overlap, double threshold, bool inclusive) {
  const double value = static_cast<double>(overlap);
  return is_finite(overlap) && (inclusive ? value >= threshold : value > threshold);
}

template <typename Measure>
struct Suppression {
  template <typename Shape, typename T>
  PTDET_HD static auto overlap(const Shape& selected, const Shape& candidate, const Threshold<T>&) {
    return Measure::between(candidate, selected);
  }
};
// The penalty only lowers an IoU: where that does not meet the threshold, no power is computed.
template <>
struct Suppression<DiouPower> {
  template <typename Shape, typename T>
  PTDET_HD static T overlap(const Shape& selected, const Shape& candidate, const Threshold<T>& threshold) {
    const T iou = Iou::between(candidate, selected);
    return threshold.met_by(iou) ? DiouPower::of(iou, candidate, selected, threshold.beta) : iou;
  }
};

template <typename Measure, typename Shape, typename T>
PTDET_HD bool suppresses(const Shape& selected, const Shape& candidate, const Threshold<T>& threshold) {
  return threshold.met_by(Suppression<Measure>::overlap(selected, candidate, threshold));
}

// By comparisons alone: then they share no area, or one that is NaN and a measure that is not finite.
template <typename T>
PTDET_HD bool surely_apart(const Box<T>& a, const Box<T>& b) {
  const bool aside = (a.x2 <= b.x1) | (b.x2 <= a.x1), over = (a.y2 <= b.y1) | (b.y2 <= a.y1);  // without branches
  return aside | over;
}

// The same as `suppresses`, decision for decision, without a product for most pairs: those that are surely apart. There
// a measure is at most 0, or not finite.
template <typename Measure, typename Shape, typename T>
PTDET_HD bool suppresses_early_out(const Shape& selected, const Shape& candidate, const Threshold<T>& threshold) {
  if (!Measure::kAboveZeroApart && threshold.excludes_zero() && surely_apart(bounds(candidate), bounds(selected)))
    return false;
  return suppresses<Measure>(selected, candidate, threshold);
}

}  // namespace ptdet

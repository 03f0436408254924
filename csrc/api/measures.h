// From the name of a measure to its struct and its traits.
#pragma once

#include "math/overlap.h"
#include "math/rotated_enclosing.h"
#include "math/rotated_gaussian.h"
#include "api/common.h"

namespace ptdet {

// Calls f(measure) with the stateless struct of the metric.
template <typename F>
auto with_metric(Metric metric, F&& f) {
#define PTDET_CASE(enumerator, name, Measure) \
  case Metric::enumerator: return f(Measure{});
  switch (metric) {
    PTDET_METRICS(PTDET_CASE)
    default: break;
  }
#undef PTDET_CASE
  __builtin_unreachable();
}

// The same of a measure that rotated boxes have.
template <typename F>
auto with_rotated_metric(Metric metric, F&& f) {
#define PTDET_CASE(enumerator, name, Measure) \
  case Metric::enumerator: return f(Measure{});
  switch (metric) {
    PTDET_ROTATED_METRICS(PTDET_CASE)
    default: break;
  }
#undef PTDET_CASE
  __builtin_unreachable();
}

// The same of a suppression, which is never by KFIoU: that does not see where boxes are.
template <typename F>
void with_rotated_suppression(Metric metric, F&& f) {
  with_rotated_metric(metric, [&](auto measure) {
    if constexpr (!std::is_same_v<decltype(measure), Kfiou>) f(measure);
  });
}

// The raw value of a measure that is known at run time only.
template <typename T>
PTDET_HD T overlap_by(Metric metric, const Box<T>& a, const Box<T>& b) {
#define PTDET_CASE(enumerator, name, Measure) \
  case Metric::enumerator: return Measure::between(a, b);
  switch (metric) {
    PTDET_METRICS(PTDET_CASE)
    default: break;
  }
#undef PTDET_CASE
  return T(NAN);
}
template <typename T>
T overlap_by(Metric metric, const RotatedBox<T>& a, const RotatedBox<T>& b) {
  T value(NAN);
  with_rotated_suppression(metric, [&](auto measure) { value = decltype(measure)::between(a, b); });
  return value;
}

// What MeasureTraits says of a metric.
struct MetricTraits {
  Bound bound;
  bool above_zero_apart;
  Metric loose;
};

inline MetricTraits traits_of(Metric metric) {
#define PTDET_CASE(enumerator, name, Measure) \
  if (std::is_same<Loose, Measure>::value) loose = Metric::enumerator;
  const auto of = [](auto measure) {
    using Loose = typename decltype(measure)::Loose;
    Metric loose = Metric::kIou;
    PTDET_METRICS(PTDET_CASE)
    return MetricTraits{measure.kBound, measure.kAboveZeroApart, loose};
  };
#undef PTDET_CASE
  return metric == Metric::kProbiou || metric == Metric::kKfiou ? with_rotated_metric(metric, of)
                                                                : with_metric(metric, of);
}

}  // namespace ptdet

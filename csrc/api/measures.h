// From the name of a measure to its struct and its traits.
#pragma once

#include "math/overlap.h"
#include "api/common.h"

namespace ptdet {

// Calls f(measure) with the stateless struct of the metric.
template <typename F>
auto with_metric(Metric metric, F&& f) {
#define PTDET_CASE(enumerator, name, Measure) \
  case Metric::enumerator: return f(Measure{});
  switch (metric) { PTDET_METRICS(PTDET_CASE) }
#undef PTDET_CASE
  __builtin_unreachable();
}

// The same of the measures of any shape; false if the metric is none of them.
template <typename F>
bool with_area_metric(Metric metric, F&& f) {
  return with_metric(metric, [&](auto measure) {
    if constexpr (decltype(measure)::kOfAreas) f(measure);
    return decltype(measure)::kOfAreas;
  });
}

// The raw value of a measure that is known at run time only.
template <typename T>
PTDET_HD T overlap_by(Metric metric, const Box<T>& a, const Box<T>& b) {
#define PTDET_CASE(enumerator, name, Measure) \
  case Metric::enumerator: return Measure::between(a, b);
  switch (metric) { PTDET_METRICS(PTDET_CASE) }
#undef PTDET_CASE
  return T(NAN);
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
  return with_metric(metric, [](auto measure) {
    using Loose = typename decltype(measure)::Loose;
    Metric loose = Metric::kIou;
    PTDET_METRICS(PTDET_CASE)
    return MetricTraits{measure.kBound, measure.kAboveZeroApart, loose};
  });
#undef PTDET_CASE
}

}  // namespace ptdet

// From names to types: one switch a family.
#pragma once

#include "core/channel_norm.h"
#include "core/overlap.h"
#include "kernels.h"

namespace ptdet {

// Calls f(measure) with the stateless struct of the metric.
template <typename F>
auto with_metric(Metric metric, F&& f) {
  switch (metric) {
    case Metric::kGiou: return f(Giou{});
    case Metric::kDiou: return f(Diou{});
    case Metric::kCiou: return f(Ciou{});
    case Metric::kIof: return f(Iof{});
    case Metric::kIos: return f(Ios{});
    case Metric::kIou: break;
  }
  return f(Iou{});
}

// Calls f(degree) with the struct of the degree p, which computes in T, or in double where T would not do.
template <typename T, typename F>
auto with_degree(double p, F&& f) {
  if (p == 1.0) return f(Manhattan<T>{});
  if (p == 2.0) return f(Euclidean<T>{});
  if (p > DBL_MAX) return f(Largest<T>{});
  return f(AnyDegree<double>{p});
}

}  // namespace ptdet

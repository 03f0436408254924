// From names to types: one switch a family.
#pragma once

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

}  // namespace ptdet

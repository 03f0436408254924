// From names to types: one switch a family.
#pragma once

#include "math/channel_norm.h"
#include "math/soft_nms.h"
#include "math/box_fusion.h"
#include "math/losses.h"
#include "math/diou_power.h"
#include "math/matrix_nms.h"
#include "math/parameter.h"
#include "api/api.h"

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

template <typename T>
PTDET_HD LossShape<T> loss_shape(const LossParams& params) {
  const auto is = [&](Loss loss) { return params.loss == loss; };
  const auto has = [&](Penalty penalty) { return (params.penalties & penalty) != 0; };
  return {{is(Loss::kFocal), is(Loss::kPowered), is(Loss::kInner), is(Loss::kWasserstein), is(Loss::kWise), has(kHull),
           has(kDistance), has(kAspect), has(kSides), has(kAngledDistance), has(kShape), has(kCorners)},
          params.power,
          T(params.power),
          T(params.scale),
          T(params.overlap.epsilon)};
}

// The same with what only suppressions have.
template <typename F>
auto with_suppression(const NmsParams& params, F&& f) {
  if (params.metric == Metric::kDiou && params.beta != 1) return f(DiouPower{});
  return with_metric(params.metric, f);
}

// The raw value of a measure that is known at run time only.
template <typename T>
PTDET_HD T overlap_by(Metric metric, const Box<T>& a, const Box<T>& b) {
  switch (metric) {
    case Metric::kGiou: return Giou::between(a, b);
    case Metric::kDiou: return Diou::between(a, b);
    case Metric::kCiou: return Ciou::between(a, b);
    case Metric::kIof: return Iof::between(a, b);
    case Metric::kIos: return Ios::between(a, b);
    case Metric::kIou: break;
  }
  return Iou::between(a, b);
}

// What soft-NMS does to a score when another box is visited.
template <typename T, typename Score>
struct SoftRule {
  Metric metric;
  Decay decay;
  Threshold<T> threshold;
  Score sigma;
  Score floor;  // a score at or below it is out

  static SoftRule from(const SoftParams& params) {
    return {params.walk.metric, params.decay, Threshold<T>::from(params.walk.iou_threshold, params.walk.inclusive),
            parameter<Score>(params.sigma), Threshold<Score>::from(params.min_score, false).bound};
  }

  PTDET_HD Score after(Score score, const Box<T>& visited, const Box<T>& candidate) const {
    const T overlap = overlap_by(metric, candidate, visited);
    if (decay == Decay::kGaussian) return gaussian_decay(score, static_cast<Score>(overlap), sigma);
    if (!threshold.met_by(overlap)) return score;
    return decay == Decay::kLinear ? linear_decay(score, static_cast<Score>(overlap)) : Score(0);
  }
};

template <typename T>
MatrixDecay<T> matrix_decay(const MatrixParams& params) {
  return {params.decay == Decay::kGaussian, parameter<T>(params.sigma)};
}

template <typename T>
struct ModelWeights {
  int64_t count;
  T sum, largest;
};

// `counted`: under kBoxAndModel the sum over the models that have a member in the fused box, under kAbsentModelAware
// over those that have none; else not looked at.
template <typename T, typename Mean>
PTDET_HD T fused_confidence(const WbfParams& params, const Fused<T, Mean>& fused, const ModelWeights<T>& models,
                            T counted) {
  if (params.confidence == Confidence::kMaximum) return fused.highest / models.largest;
  const auto total = fused.mean.sum_of_weights();
  using Number = decltype(fused.mean.sum_of_weights());
  const Number size(static_cast<T>(fused.size)), average = total / size, sum(models.sum), of_members(fused.weights);
  if (params.confidence == Confidence::kBoxAndModel)
    return narrowed(average * size / of_members * Number(counted) / sum);
  if (params.confidence == Confidence::kAbsentModelAware)
    return narrowed(average * size / (of_members + Number(counted)));
  const bool all_count = params.allows_overflow || fused.size < models.count;
  return narrowed(average * Number(static_cast<T>(all_count ? fused.size : models.count)) / sum);
}

}  // namespace ptdet

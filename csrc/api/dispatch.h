// From run-time values to types and to the structs of math/: one function a family.
#pragma once

#include "math/channel_norm.h"
#include "math/soft_nms.h"
#include "math/box_fusion.h"
#include "math/losses.h"
#include "math/matrix_nms.h"
#include "math/parameter.h"
#include "api/api.h"
#include "api/measures.h"

namespace ptdet {

// Calls f(T{}), where T is the type that boxes or scores of this type are computed in.
template <typename F>
auto with_computed(Type type, F&& f) {
  return type == Type::kFloat64 ? f(double{}) : f(float{});
}

// Calls f(a number of the stored type, one of the type to compute in).
template <typename F>
void with_stored(Type type, F&& f) {
  if (type == Type::kFloat64) return f(double{}, double{});
  if (type == Type::kFloat32) return f(float{}, float{});
  if (type == Type::kFloat16) return f(Float16{}, float{});
  return f(BFloat16{}, float{});
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

// Calls f(measure) with the struct of the metric, or with one that only suppressions have.
template <typename F>
auto with_suppression(const NmsParams& params, F&& f) {
  if (params.has_power()) return f(DiouPower{});
  return with_metric(params.metric, f);
}

// The same of rotated boxes.
template <typename F>
void with_rotated_suppression(const NmsParams& params, F&& f) {
  if (params.has_power()) return f(DiouPower{});
  with_rotated_suppression(params.metric, f);
}

// The predicate of a call, as a function of two boxes.
template <typename T>
using Suppresses = bool (*)(const Box<T>& selected, const Box<T>& candidate, const Threshold<T>& threshold);

template <typename T>
Suppresses<T> suppression_of(const NmsParams& params) {
  return with_suppression(params,
                          [](auto measure) -> Suppresses<T> { return &suppresses<decltype(measure), Box<T>, T>; });
}

// What soft-NMS does to a score when another box is selected.
template <typename T, typename Score>
struct SoftRule {
  Metric metric;
  Decay decay;
  Threshold<T> threshold;
  Score sigma;
  Score floor;  // a score at or below it is out

  static SoftRule from(const SoftParams& params) {
    return {params.pass.metric, params.decay, Threshold<T>::from(params.pass.iou_threshold, params.pass.inclusive),
            parameter<Score>(params.sigma), Threshold<Score>::from(params.min_score, false).bound};
  }

  // For numbers, or registers of numbers.
  template <typename S, typename Overlap>
  PTDET_HD S after(S score, Overlap overlap) const {
    if (decay == Decay::kGaussian) return gaussian_decay(score, S(overlap), S(sigma));
    return select(threshold.met_by(overlap), decay == Decay::kLinear ? linear_decay(score, S(overlap)) : S(0), score);
  }

  PTDET_HD Score after(Score score, const Box<T>& selected, const Box<T>& candidate) const {
    return after(score, overlap_by(metric, candidate, selected));
  }
};

template <typename T>
PTDET_HD Epsilon<T> epsilon_of(const OverlapParams& params) {
  return {T(params.joint_epsilon), T(params.epsilon)};
}

// A value, and what its slopes are to be multiplied by.
template <typename T>
struct Graded {
  T value, factor;
};

// A measure as a result has it: 0 where it, or the overlap that it is made of, is not finite; then its slopes are 0
// too, else multiplied by `weight`.
template <typename Measure, typename T>
PTDET_HD Graded<T> graded_measure(Measure measure, const Pair<T>& p, const Epsilon<T>& eps, Slopes<T>& s,
                                  T weight = T(1)) {
  const T total = graded(measure, p, eps, s);
  const auto sound = is_finite(s.overlap) & is_finite(total);
  return {select(sound, total, T(0)), select(sound, weight, T(0))};
}

// The loss of a pair: by a measure alone, or (AnyLoss) by the terms of loss_shape.
template <typename Measure, typename T>
PTDET_HD Graded<T> grade(Measure measure, const LossParams& params, const Pair<T>& p, Slopes<T>& s) {
  const Epsilon<T> eps = epsilon_of<T>(params.overlap);
  if (params.loss == Loss::kComplement) return {bounded(T(1) - graded(measure, p, eps, s)), T(-1)};
  return graded_measure(measure, p, eps, s);
}

struct AnyLoss {
  static constexpr bool kUsesAngle = true;
};

template <typename T>
PTDET_HD Graded<T> grade(AnyLoss, const LossParams& params, const Pair<T>& p, Slopes<T>& s) {
  return {bounded(graded_loss(p, loss_shape<T>(params), s)), T(-1)};
}

// Calls f with the measure of the loss, or with AnyLoss.
template <typename F>
auto with_loss(const LossParams& params, F&& f) {
  if (params.loss != Loss::kMeasure && params.loss != Loss::kComplement) return f(AnyLoss{});
  return with_metric(params.overlap.metric, f);
}

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

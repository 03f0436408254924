// The loose test before the exact one. It compares the intersection with a bound made of one number of each box,
// without a division, and may only err towards "maybe": math/threshold.h then decides. So no instruction set, lane
// width or rounding of this filter can change an answer.
#pragma once

#include <cfloat>
#include <cmath>

#include "api/api.h"
#include "api/measures.h"

namespace ptdet::cpu {

// The limit of a box that is never met: no comparison with NaN holds, whatever is added to it.
template <typename T>
constexpr T kNeverMet = T(NAN);
template <typename T>
PTDET_HD bool is_never_met(T limit) {
  return limit != limit;
}

// Which of the two boxes of an overlap (math/overlap.h).
enum class Role { kCandidate, kSelected };
PTDET_HD Role other(Role role) { return role == Role::kCandidate ? Role::kSelected : Role::kCandidate; }

template <typename T>
struct Filter {
  enum class Mode {
    kIou,          // at most IoU: inter / (a + b - inter) >= t is inter >= t / (1 + t) * (a + b)
    kOfCandidate,  // IoF: inter >= t * a
    kOfSmaller,    // IoS: inter >= t * min(a, b)
    kIntersects,   // an intersection is needed, nothing more is known
    kNone,         // even boxes apart can satisfy the test
    kNever,        // no pair can
  };
  Mode mode;
  double iou;  // kIou: no suppression below this IoU
  T factor;
  T slack;
  // An upper bound of the measure that a register can compute in little time (simd/register.inc).
  Metric loose;
  double sigmas = 0;  // of kGaussian: farther apart than so many standard deviations no two boxes meet the threshold

  static Filter from(const NmsParams& p) {
    const MetricTraits traits = traits_of(p.metric);
    // 1e-5 covers the rounding of an IoU (about 1e-6 relative, and what rounds above its bound does so by as much).
    const double needed = traits.bound == Bound::kMeanOfOneAndIou ? 2 * p.iou_threshold - 1 : p.iou_threshold;
    const double share = needed * (1 - 1e-5), iou = share - (traits.above_zero_apart ? 1e-5 : 0.0);
    // Below the normal range products lose their relative precision; the slack keeps such boxes in.
    const T slack = share > 0 ? 4 * kSmallest : T(0);
    const Metric loose = loose_of(p);
    if (traits.bound == Bound::kNone) return {Mode::kNone, 0, 0, 0, loose};
    if (traits.bound == Bound::kGaussian) return of_gaussians(p);
    const bool apart_can_pass = p.inclusive ? needed <= 0 : needed < 0;
    if (apart_can_pass || (traits.above_zero_apart && iou <= 0)) return {Mode::kNone, 0, 0, 0, loose};
    // No measure exceeds 1 in the arithmetic of a machine: an intersection is at most either area, for rounding keeps
    // the order of numbers, so a union, a + b - inter, is at least it; and what a hull lacks, GIoU divides by more.
    if (p.inclusive ? p.iou_threshold > 1 : p.iou_threshold >= 1) return {Mode::kNever, 0, 0, 0, loose};
    const bool is_share = traits.bound == Bound::kOverFirst || traits.bound == Bound::kOverSmaller;
    const T factor = static_cast<T>(is_share ? share : iou / (1 + iou));
    // Such a factor is 0, or has lost the precision that the margin above covers.
    if (factor < kSmallest && traits.above_zero_apart) return {Mode::kNone, 0, 0, 0, loose};
    if (factor < kSmallest) return {Mode::kIntersects, 0, T(0), T(0), loose};
    if (is_share)
      return {traits.bound == Bound::kOverFirst ? Mode::kOfCandidate : Mode::kOfSmaller, 0, factor, slack, loose};
    return {Mode::kIou, iou, factor, slack, loose};
  }

  // Of Gaussians at a distance d with covariances S and R the coefficient is at most exp(-d^T (S + R)^-1 d / 4), and
  // along an axis, with deviations s and r, at most exp(-d^2 / (4 (s^2 + r^2))): a distance of `sigmas` (s + r) leaves
  // less than what the threshold asks for, t (2 - t). The margins cover the rounding of the exact test. Below 1e-5 the
  // areas may differ so much that it has lost its digits, and all pairs are compared.
  static Filter of_gaussians(const NmsParams& p) {
    if (p.inclusive ? p.iou_threshold > 1 : p.iou_threshold >= 1) return {Mode::kNever, 0, 0, 0, p.metric};
    if (!(p.iou_threshold >= 1e-5)) return {Mode::kNone, 0, 0, 0, p.metric};
    const double apart = 1 - p.iou_threshold + 1e-9;
    return {Mode::kIntersects, 0, T(0), T(0), p.metric, 2 * std::sqrt(-std::log1p(-apart * apart)) * (1 + 1e-3)};
  }

  static Filter that_intersect(Metric metric) { return {Mode::kIntersects, 0, T(0), T(0), traits_of(metric).loose}; }

  static Metric loose_of(const NmsParams& p) { return p.has_power() ? Metric::kIou : traits_of(p.metric).loose; }

  // A box's part of the bound: the sum of both, or in kOfSmaller the lesser. Of a number or a register of numbers.
  template <typename Area>
  PTDET_HD Area limit(Area box_area, Role role) const {
    if (mode == Mode::kNone) return Area(-1);
    const bool counts =
        mode == Mode::kIou || mode == Mode::kOfSmaller || (mode == Mode::kOfCandidate && role == Role::kCandidate);
    return counts ? Area(factor) * box_area - Area(slack) : Area(0);
  }
  // The axis-aligned box of a shape: two that meet the threshold share some of theirs.
  template <typename Shape>
  PTDET_HD Box<T> bounds_of(const Shape& shape) const {
    if constexpr (std::is_same_v<Shape, RotatedBox<T>>)
      if (sigmas > 0) return gaussian_bounds(shape, sigmas);
    return bounds(shape);
  }
  // It lets through little more than what meets the threshold: no better test is worth its time.
  PTDET_HD bool is_tight() const {
    return mode == Mode::kOfCandidate || mode == Mode::kOfSmaller || (mode == Mode::kIou && loose == Metric::kIou);
  }
  PTDET_HD bool needs_intersection() const { return mode != Mode::kNone && mode != Mode::kNever; }
  PTDET_HD bool takes_lesser() const { return mode == Mode::kOfSmaller; }

  // Does the test bound how far apart two boxes may be? Below the least IoU a box reaches so far that positions
  // separate nothing; the areas of boxes that are too small have lost their relative precision.
  PTDET_HD bool bounds_distance() const { return mode == Mode::kIou && iou >= 0.02; }
  static constexpr T kSmallest = sizeof(T) == 4 ? T(FLT_MIN) : T(DBL_MIN);  // of the numbers of full precision
  PTDET_HD static bool too_small(T box_area) { return box_area < kSmallest * T(1 << 20); }

  // How far, in widths of either box, the centres of two boxes may be apart (box_index.h).
  double reach() const { return (iou >= 0.5 ? 1 - iou : (1 / iou - 1) / 2) * (1 + 1e-5); }

  // A box that can neither suppress nor be suppressed: its overlaps are undefined or 0.
  PTDET_HD bool inert(T box_area) const {
    if (mode == Mode::kIou) return !(box_area > T(0) && is_finite(box_area));
    if (mode == Mode::kNone) return false;  // IoF divides by one area only: the other may be NaN
    return mode == Mode::kNever || !(box_area > T(0));
  }
};

}  // namespace ptdet::cpu

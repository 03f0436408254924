// The loose test before the exact one. It compares inter > limit(visited) + limit(candidate) without a division,
// and may only err towards "maybe": core/threshold.h then decides. So no instruction set, lane width or rounding
// of this filter can change an answer.
#pragma once

#include <cfloat>

#include "core/overlap.h"
#include "kernels.h"

namespace ptdet::cpu {

template <typename T>
struct Filter {
  enum class Mode {
    kIou,         // at most IoU: inter / (a + b - inter) >= t is inter >= t / (1 + t) * (a + b)
    kIntersects,  // an intersection is needed, nothing more is known (IoF, IoS)
    kNone,        // even boxes apart can satisfy the test
  };
  Mode mode;
  double iou;  // kIou: no suppression below this IoU
  T factor;
  T slack;

  static Filter from(const NmsParams& p) {
    // 1e-5 covers the rounding of an IoU (about 1e-6 relative, and GIoU may exceed IoU by as much, absolute).
    const double iou = p.iou_threshold * (1 - 1e-5) - (p.metric == Metric::kGiou ? 1e-5 : 0.0);
    const bool apart_can_pass = p.inclusive ? p.iou_threshold <= 0 : p.iou_threshold < 0;
    if (apart_can_pass || (p.metric == Metric::kGiou && iou <= 0)) return {Mode::kNone, 0, 0, 0};
    if (p.metric == Metric::kIof || p.metric == Metric::kIos) return {Mode::kIntersects, 0, 0, 0};
    // Below the normal range products lose their relative precision; the slack keeps such boxes in.
    const T smallest = sizeof(T) == 4 ? T(FLT_MIN) : T(DBL_MIN);
    return {Mode::kIou, iou, static_cast<T>(iou / (1 + iou)), iou > 0 ? 4 * smallest : T(0)};
  }

  T limit(T box_area) const {
    if (mode == Mode::kIou) return factor * box_area - slack;
    return mode == Mode::kIntersects ? T(0) : T(-1);
  }

  // Does the test bound how far apart two boxes may be? Below the least IoU a box reaches so far that places separate
  // nothing; the areas of boxes that are too small have lost their relative precision.
  bool bounds_distance() const { return mode == Mode::kIou && iou >= 0.02; }
  bool too_small(T box_area) const { return box_area < (sizeof(T) == 4 ? T(FLT_MIN) : T(DBL_MIN)) * T(1 << 20); }

  // How far, in widths of either box, the centres of two boxes may be apart (index.h).
  double reach() const { return (iou >= 0.5 ? 1 - iou : (1 / iou - 1) / 2) * (1 + 1e-5); }

  // A box that can neither suppress nor be suppressed: its overlaps are undefined or 0.
  bool inert(T box_area) const {
    if (mode == Mode::kNone) return false;  // IoF divides by one area only: the other may be NaN
    if (mode == Mode::kIntersects) return !(box_area > T(0));
    return !(box_area > T(0) && is_finite(box_area));
  }
};

}  // namespace ptdet::cpu

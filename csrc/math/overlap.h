// The overlap measures (SPEC 2), one stateless struct each. `between(a, b)` is the raw value: NaN or infinite where the
// arithmetic gave that, so that a comparison can refuse it and a value can become 0. a is the candidate and b the
// selected box where a measure tells them apart (IoF).
//
// A new measure needs three things: its struct here, with its formula and what differs from MeasureTraits; its gradient
// in overlap_grad.h; one row in PTDET_METRICS (api/common.h).
#pragma once

#include "math/angle.h"
#include "math/box.h"

namespace ptdet {

// What a measure does not exceed, but for rounding: the intersection over the union, over the area of a, or over the
// smaller area; or the mean of 1 and IoU, which boxes apart can come to; or what the distance of Gaussians leaves
// (rotated_gaussian.h); or none of these.
enum class Bound { kIou, kOverFirst, kOverSmaller, kMeanOfOneAndIou, kGaussian, kNone };

// What searches need to know of a measure.
template <typename Self>
struct MeasureTraits {
  static constexpr Bound kBound = Bound::kIou;
  // Can it be above 0 although the boxes share no area? By its formula, or by rounding.
  static constexpr bool kAboveZeroApart = false;
  static constexpr bool kOfAreas = false;    // asks for areas alone: 0 where the boxes share none
  static constexpr bool kUsesAngle = false;  // of the diagonals (math/angle.h), which takes long to compute
  using Loose = Self;                        // an upper bound that takes little time to compute
};

struct Iou : MeasureTraits<Iou> {
  static constexpr bool kOfAreas = true;
  template <typename Shape>
  PTDET_HD static auto between(const Shape& a, const Shape& b) {
    const auto inter = intersection_area(a, b);
    return share(inter, area(a) + area(b) - inter);
  }
};

// The share of the enclosing box that neither covers.
template <typename T>
PTDET_HD T uncovered_share(const Box<T>& a, const Box<T>& b, T joint) {
  const T hull = area(enclosing(a, b));
  return finite_or_zero(share(hull - joint, hull));
}

// Rezatofighi et al., "Generalized Intersection over Union", CVPR 2019. Where two boxes touch, the union, rounded, may
// exceed the enclosing box: then the value is above IoU.
struct Giou : MeasureTraits<Giou> {
  static constexpr bool kAboveZeroApart = true;
  template <typename Shape>
  PTDET_HD static auto between(const Shape& a, const Shape& b) {
    const auto inter = intersection_area(a, b);
    const auto joint = area(a) + area(b) - inter;
    return share(inter, joint) - uncovered_share(a, b, joint);
  }
};

// Zheng et al., "Distance-IoU Loss", AAAI 2020: squared distance of the centres over the squared diagonal of the hull.
template <typename T>
PTDET_HD T centre_distance_share(const Box<T>& a, const Box<T>& b) {
  const T dx = (a.x1 + a.x2) / T(2) - (b.x1 + b.x2) / T(2);
  const T dy = (a.y1 + a.y2) / T(2) - (b.y1 + b.y2) / T(2);
  const Box<T> hull = enclosing(a, b);
  const T w = width(hull), h = height(hull);
  return finite_or_zero(share(dx * dx + dy * dy, w * w + h * h));
}

struct Diou : MeasureTraits<Diou> {
  template <typename Shape>
  PTDET_HD static auto between(const Shape& a, const Shape& b) {
    return Iou::between(a, b) - centre_distance_share(a, b);
  }
};

// IoU - (rho2 / c2)^beta: DIoU with darknet's beta. It is no measure of its own: only suppressions have a beta.
struct DiouPower : MeasureTraits<Iou> {
  template <typename Shape, typename T>
  PTDET_HD static T of(T iou, const Shape& a, const Shape& b, double beta) {
    return iou - power(centre_distance_share(a, b), beta);
  }
};

constexpr double kAspectScale = 0.40528473456935108578;  // 4 / pi^2

// Zheng et al., AAAI 2020: DIoU less a term for the difference in aspect ratio.
struct Ciou : MeasureTraits<Ciou> {
  static constexpr bool kUsesAngle = true;
  using Loose = Diou;
  template <typename T>
  PTDET_HD static T between(const Box<T>& a, const Box<T>& b) {
    const T iou = Iou::between(a, b);
    const T turn = diagonal_angle(width(b), height(b)).value - diagonal_angle(width(a), height(a)).value;
    const T v = T(kAspectScale) * (turn * turn);
    const T alpha = share(v, T(1) - iou + v);
    return iou - centre_distance_share(a, b) - finite_or_zero(alpha * v);
  }
};

// The share of a that b covers.
struct Iof : MeasureTraits<Iof> {
  static constexpr bool kOfAreas = true;
  static constexpr Bound kBound = Bound::kOverFirst;
  template <typename Shape>
  PTDET_HD static auto between(const Shape& a, const Shape& b) {
    return share(intersection_area(a, b), area(a));
  }
};

// The share of the smaller box that the other covers.
struct Ios : MeasureTraits<Ios> {
  static constexpr bool kOfAreas = true;
  static constexpr Bound kBound = Bound::kOverSmaller;
  template <typename Shape>
  PTDET_HD static auto between(const Shape& a, const Shape& b) {
    return share(intersection_area(a, b), lesser(area(a), area(b)));
  }
};

template <typename T>
PTDET_HD T enclosed_area(const Box<T>& a, const Box<T>& b) {
  return area(enclosing(a, b));
}

// Tracking IoU (arXiv:2310.05171) as powerboxes has it: the smaller area over that of the enclosing box.
struct Tiou : MeasureTraits<Tiou> {
  static constexpr Bound kBound = Bound::kMeanOfOneAndIou;
  static constexpr bool kAboveZeroApart = true;
  template <typename Shape>
  PTDET_HD static auto between(const Shape& a, const Shape& b) {
    return share(lesser(area(a), area(b)), enclosed_area(a, b));
  }
};

}  // namespace ptdet

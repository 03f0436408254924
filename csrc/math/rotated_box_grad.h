// The derivatives of the overlaps of rotated boxes. ptdet/reference/rotated_overlap.py has them once more.
#pragma once

#include "math/overlap_grad.h"
#include "math/rotated_box.h"

namespace ptdet {

// By the numbers of a box.
template <typename T>
struct RotatedSlopes {
  T cx, cy, w, h, angle;
};

// Between which fractions of an edge one of its coordinates is in [low, high], and whether it runs along an end.
template <typename T, typename Mask>
struct PartWithin {
  T enter, leave;
  Mask on_end;
};

template <typename T>
PTDET_HD auto part_within(T start, T along, T low, T high) {
  const T none(0.0), one(1.0);
  const auto flat = along == none;
  const T by = one / select(flat, one, along), first = (low - start) * by, last = (high - start) * by;
  const T enter = clamped(least_of(first, last), none, one);
  const T leave = clamped(select(first < last, last, first), none, one);
  const auto outside = (start < low) | (start > high), on_end = flat & ((start == low) | (start == high));
  return PartWithin<T, decltype(on_end & on_end)>{select(flat, none, enter),
                                                  select(flat, select(outside, none, one), leave), on_end};
}

// What an edge sweeps as it moves outwards, and as it turns with its box.
template <typename T>
struct Swept {
  T outwards, turning;
};

template <typename T>
PTDET_HD Swept<T> swept_by_edge(const InFrame<T>& f, T x0, T y0, T x1, T y1, T length) {
  const auto by_x = part_within(x0, x1 - x0, f.low_x, f.high_x), by_y = part_within(y0, y1 - y0, f.low_y, f.high_y);
  const T enter = select(by_x.enter > by_y.enter, by_x.enter, by_y.enter), leave = least_of(by_x.leave, by_y.leave);
  const T weight = select(by_x.on_end | by_y.on_end, T(0.5), T(1.0));
  const T within = select(leave > enter, weight * (leave - enter), T(0.0)) * length;
  return {within, T(-0.5) * within * ((leave + enter) - T(1.0)) * length};
}

// The derivatives of the area shared by the numbers of `box`: each of its edges sweeps area as far as it is within
// `frame`; half of it where the edge lies on one of that box.
template <typename T>
PTDET_HD RotatedSlopes<T> intersection_slopes(const RotatedBox<T>& box, const RotatedBox<T>& frame) {
  const InFrame<T> f = in_frame(box, frame);
  const Swept<T> top = swept_by_edge(f, f.x0, f.y0, f.x1, f.y1, box.w);
  const Swept<T> left = swept_by_edge(f, f.x1, f.y1, -f.x0, -f.y0, box.h);
  const Swept<T> bottom = swept_by_edge(f, -f.x0, -f.y0, -f.x1, -f.y1, box.w);
  const Swept<T> right = swept_by_edge(f, -f.x1, -f.y1, f.x0, f.y0, box.h);
  const T half(0.5), across = right.outwards - left.outwards, along = top.outwards - bottom.outwards;
  return {across * box.cos - along * box.sin, across * box.sin + along * box.cos,
          half * (left.outwards + right.outwards), half * (top.outwards + bottom.outwards),
          (top.turning + left.turning) + (bottom.turning + right.turning)};
}

// What an overlap divides by, and how much of its slope goes to each area and to the intersection.
template <typename T>
struct Divisor {
  T value, by_area_a, by_area_b, by_inter;
};

template <typename T>
PTDET_HD Divisor<T> divisor(Iou, const RotatedBox<T>& a, const RotatedBox<T>& b, T inter) {
  return {a.area + b.area - inter, T(1.0), T(1.0), T(-1.0)};
}

template <typename T>
PTDET_HD Divisor<T> divisor(Iof, const RotatedBox<T>& a, const RotatedBox<T>&, T) {
  return {a.area, T(1.0), T(0.0), T(0.0)};
}

template <typename T>
PTDET_HD Divisor<T> divisor(Ios, const RotatedBox<T>& a, const RotatedBox<T>& b, T) {
  const T none(0.0), one(1.0);
  const T of_a = select(a.area == b.area, T(0.5), select(a.area < b.area, one, none));
  return {least_of(a.area, b.area), of_a, one - of_a, none};
}

template <typename T>
PTDET_HD RotatedSlopes<T> quotient_slopes(const RotatedSlopes<T>& inter, const RotatedBox<T>& box, T by_area,
                                          T by_inter, T value, T factor) {
  const T own = T(1.0) - value * by_inter, of_area = value * by_area;
  const auto scaled = [=](T slope) __attribute__((always_inline)) { return bounded(factor * slope); };
  return {scaled(own * inter.cx), scaled(own * inter.cy), scaled(own * inter.w - of_area * box.h),
          scaled(own * inter.h - of_area * box.w), scaled(own * inter.angle)};
}

// The derivatives of a measure by the numbers of both boxes, times `weight`; 0 where it is 0 or not finite.
template <typename Measure, typename T>
PTDET_HD void overlap_slopes(Measure measure, const RotatedBox<T>& a, const RotatedBox<T>& b, T weight,
                             RotatedSlopes<T>& by_a, RotatedSlopes<T>& by_b) {
  const T inter = intersection_area(a, b), none(0.0), one(1.0);
  const Divisor<T> whole = divisor(measure, a, b, inter);
  const auto sound = (inter > none) & is_finite(whole.value);
  const T by = one / select(sound, whole.value, one), value = select(sound, inter * by, none);
  const T factor = select(sound, weight * by, none);
  by_a = quotient_slopes(intersection_slopes(a, b), a, whole.by_area_a, whole.by_inter, value, factor);
  by_b = quotient_slopes(intersection_slopes(b, a), b, whole.by_area_b, whole.by_inter, value, factor);
}

}  // namespace ptdet

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

// Between which places along an edge one of its coordinates is in [low, high].
template <typename T>
struct PartWithin {
  T enter, leave;
};

template <typename T>
PTDET_HD PartWithin<T> part_within(T start, T by, T length, T low, T high) {
  const T first = (low - start) * by, last = (high - start) * by;
  return {along(least_of(first, last), length), along(select(first < last, last, first), length)};
}

// Where the coordinate is the same all along the edge, it is all of it, or none.
template <typename T>
PTDET_HD PartWithin<T> all_or_none(const PartWithin<T>& part, T start, T end, T length, T low, T high) {
  const auto flat = start == end;
  const auto outside = (start < low) | (start > high);  // of a double another type than `flat`
  const T none(0.0);
  return {select(flat, none, part.enter), select(flat, select(outside, none, length), part.leave)};
}

template <typename T>
PTDET_HD auto runs_along(T start, T end, T low, T high) {
  return (start == end) & ((start == low) | (start == high));
}

// What an edge sweeps as it moves outwards, and as it turns with its box.
template <typename T>
struct Swept {
  T outwards, turning;
};

// kAligned: an edge may be parallel to one of the other box.
template <bool kAligned, typename T>
PTDET_HD Swept<T> swept_by_edge(const InFrame<T>& f, T length, const Along<T>& edge, T x0, T y0, T x1, T y1) {
  PartWithin<T> by_x = part_within(x0, edge.by_x, length, f.low_x, f.high_x);
  PartWithin<T> by_y = part_within(y0, edge.by_y, length, f.low_y, f.high_y);
  if constexpr (kAligned) {
    by_x = all_or_none(by_x, x0, x1, length, f.low_x, f.high_x);
    by_y = all_or_none(by_y, y0, y1, length, f.low_y, f.high_y);
  }
  const T enter = select(by_x.enter > by_y.enter, by_x.enter, by_y.enter), leave = least_of(by_x.leave, by_y.leave);
  T within = leave - enter;
  if constexpr (kAligned) {
    const auto on_edge = runs_along(x0, x1, f.low_x, f.high_x) | runs_along(y0, y1, f.low_y, f.high_y);
    within = select(on_edge, T(0.5), T(1.0)) * within;
  }
  within = select(within > T(0.0), within, T(0.0));
  return {within, T(-0.5) * within * ((leave + enter) - length)};
}

// The derivatives of the area shared by the numbers of `box`: each of its edges sweeps area as far as it is within
// the other box; half of it where the edge lies on one of that box.
template <bool kAligned, typename T>
PTDET_HD RotatedSlopes<T> intersection_slopes(const RotatedBox<T>& box, const InFrame<T>& f) {
  const Along<T> forth = along_w(f.turn), down = along_h(f.turn);
  const Swept<T> top = swept_by_edge<kAligned>(f, f.w, opposite(forth), f.x0, f.y0, f.x1, f.y1);
  const Swept<T> left = swept_by_edge<kAligned>(f, f.h, down, f.x1, f.y1, -f.x0, -f.y0);
  const Swept<T> bottom = swept_by_edge<kAligned>(f, f.w, forth, -f.x0, -f.y0, -f.x1, -f.y1);
  const Swept<T> right = swept_by_edge<kAligned>(f, f.h, opposite(down), -f.x1, -f.y1, f.x0, f.y0);
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

template <typename Mask, typename T>
PTDET_HD InFrame<T> either(Mask first, const InFrame<T>& a, const InFrame<T>& b) {
  const auto of = [=](T x, T y) __attribute__((always_inline)) { return select(first, x, y); };
  return {of(a.low_x, b.low_x),
          of(a.high_x, b.high_x),
          of(a.low_y, b.low_y),
          of(a.high_y, b.high_y),
          of(a.x0, b.x0),
          of(a.y0, b.y0),
          of(a.x1, b.x1),
          of(a.y1, b.y1),
          of(a.w, b.w),
          of(a.h, b.h),
          {a.turn.cos, of(a.turn.sin, b.turn.sin), a.turn.by_cos, of(a.turn.by_sin, b.turn.by_sin)},
          of(a.most, b.most)};
}

template <typename T>
PTDET_HD auto has_aligned_edge(const InFrame<T>& f) {
  return (f.x0 == f.x1) | (f.y0 == f.y1) | (f.x0 == -f.x1) | (f.y0 == -f.y1);
}

// The derivatives of a measure by the numbers of both boxes, times `weight`; 0 where it is 0 or not finite. Those by
// box b only where they are wanted.
template <bool kOfB, typename Measure, typename T>
PTDET_HD void overlap_slopes(Measure measure, const RotatedBox<T>& a, const RotatedBox<T>& b, T weight,
                             RotatedSlopes<T>& by_a, RotatedSlopes<T>& by_b) {
  const RelativeTurn<T> turn = relative_turn(a, b);
  const InFrame<T> of_a = in_frame(a, b, turn), of_b = in_frame(b, a, turned_back(turn));
  const T inter = shared_area(either(is_frame(a, b), of_b, of_a)), none(0.0), one(1.0);
  const Divisor<T> whole = divisor(measure, a, b, inter);
  const auto sound = (inter > none) & is_finite(whole.value);
  const T by = one / select(sound, whole.value, one), value = select(sound, inter * by, none);
  const T factor = select(sound, weight * by, none);
  const bool aligned = any(has_aligned_edge(of_a) | has_aligned_edge(of_b));
  const auto slopes = [=](const auto& box, const auto& f, T by_area) __attribute__((always_inline)) {
    const RotatedSlopes<T> inter_slopes =
        aligned ? intersection_slopes<true>(box, f) : intersection_slopes<false>(box, f);
    return quotient_slopes(inter_slopes, box, by_area, whole.by_inter, value, factor);
  };
  by_a = slopes(a, of_a, whole.by_area_a);
  if constexpr (kOfB) by_b = slopes(b, of_b, whole.by_area_b);
}

}  // namespace ptdet

// The derivatives of the overlaps of rotated boxes. ptdet/reference/rotated_overlap.py and rotated_enclosing.py have
// them once more.
#pragma once

#include "math/overlap_grad.h"
#include "math/rotated_enclosing.h"
#include "math/rotated_gaussian.h"

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

// By the area of a box.
template <typename T>
PTDET_HD RotatedSlopes<T> area_slopes(const RotatedBox<T>& b) {
  const T none(0.0);
  return {none, none, where_positive(b.w, where_positive(b.h, b.h)), where_positive(b.h, where_positive(b.w, b.w)),
          none};
}

// Of the frame's numbers along its own axes, as slopes of the box's.
template <typename T>
PTDET_HD RotatedSlopes<T> in_picture(const RotatedBox<T>& frame, T x, T y, T w, T h, T angle) {
  return {x * frame.cos - y * frame.sin, x * frame.sin + y * frame.cos, where_positive(frame.w, w),
          where_positive(frame.h, h), angle};
}

// Of the hull's area by the numbers of `frame`: the corners that are on the hull sweep it. At a tie half of them do.
template <typename T>
PTDET_HD RotatedSlopes<T> hull_slopes(const RotatedBox<T>& frame, const RotatedBox<T>& box) {
  const Faced<T> f = faced(frame, box);
  const HullParts<T> p = hull_parts(f);
  const T half(0.5), leads_in_all = (p.lead_0 + p.lead_1) + (p.lead_2 + p.lead_3);
  const T x = half * ((p.y1 + p.y2) + (p.y3 + p.y4)) + f.h * (p.lead_0 - p.lead_2);
  const T y = f.w * (p.lead_1 - p.lead_3) - half * ((p.x1 + p.x2) + (p.x3 + p.x4));
  const T w = f.h * leads_in_all + half * ((p.y1 - p.y2) + (p.y4 - p.y3));
  const T h = f.w * leads_in_all + half * ((p.x3 - p.x1) + (p.x4 - p.x2));
  const T angle = half * (f.w * ((p.x2 - p.x1) + (p.x3 - p.x4)) + f.h * ((p.y3 - p.y1) + (p.y4 - p.y2)));
  return in_picture(frame, x, y, half * w, half * h, angle);
}

// Of the squared diameter: equal parts for the distances that tie.
template <typename T>
struct DiameterSlopes {
  T most, ties = T(0.0), x = T(0.0), y = T(0.0), w = T(0.0), h = T(0.0), angle = T(0.0);

  // The distance of the corner (px, py) of the box.
  PTDET_HD void add(const Faced<T>& f, T px, T py) {
    const T none(0.0), across = magnitude(px) + f.w, down = magnitude(py) + f.h;
    const T right = select(px > none, across, select(px < none, -across, none));
    const T below = select(py > none, down, select(py < none, -down, none));
    const T share = T(2.0) * count(across * across + down * down);
    x = x - share * right, y = y - share * below;
    w = w + share * across, h = h + share * down;
    angle = angle + share * (right * py - below * px);
  }
  PTDET_HD T count(T squared) {
    const T weight = select(squared == most, T(1.0), T(0.0));
    ties = ties + weight;
    return weight;
  }
};

template <typename T>
PTDET_HD RotatedSlopes<T> plus(const RotatedSlopes<T>& s, const RotatedSlopes<T>& more, T factor) {
  return {bounded(s.cx + factor * more.cx), bounded(s.cy + factor * more.cy), bounded(s.w + factor * more.w),
          bounded(s.h + factor * more.h), bounded(s.angle + factor * more.angle)};
}

// `s`, plus `weight` times those of the distance's share by the numbers of `frame`.
template <typename T>
PTDET_HD RotatedSlopes<T> plus_distance(const RotatedSlopes<T>& s, const RotatedBox<T>& frame, const RotatedBox<T>& box,
                                        T weight) {
  const Faced<T> f = faced(frame, box);
  const T none(0.0), one(1.0), most = squared_diameter(f);
  DiameterSlopes<T> by{most};
  by.add(f, f.x + f.before_x, f.y + f.before_y);
  by.add(f, f.x - f.before_x, f.y - f.before_y);
  by.add(f, f.x + f.after_x, f.y + f.after_y);
  by.add(f, f.x - f.after_x, f.y - f.after_y);
  by.count(T(4.0) * (f.first * f.first + f.second * f.second));
  const T own = T(8.0) * by.count(T(4.0) * (f.w * f.w + f.h * f.h));
  const auto sound = (most > none) & is_finite(most);
  const T inverse = one / select(sound, most, one), factor = select(sound, weight * inverse, none);
  const T each = -(f.x * f.x + f.y * f.y) * inverse / by.ties, half(0.5), two(2.0);
  return plus(s,
              in_picture(frame, each * by.x - two * f.x, each * by.y - two * f.y, half * each * (by.w + own * f.w),
                         half * each * (by.h + own * f.h), each * by.angle),
              factor);
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

template <bool kOfB, typename T>
PTDET_HD void overlap_slopes(Giou, const RotatedBox<T>& a, const RotatedBox<T>& b, T weight, RotatedSlopes<T>& by_a,
                             RotatedSlopes<T>& by_b) {
  overlap_slopes<kOfB>(Iou{}, a, b, weight, by_a, by_b);
  const RelativeTurn<T> turn = relative_turn(a, b);
  const T inter = intersection_area(a, b), joint = a.area + b.area - inter, hull = hull_area(a, b);
  const T none(0.0), one(1.0);
  const auto sound = (hull > joint) & is_finite(hull);
  const T by = one / select(sound, hull, one), factor = select(sound, weight * by, none);
  const T of_inter = select(inter > none, -factor, none), of_hull = -(factor * (joint * by));
  const auto of_uncovered = [=](const auto& s, const auto& own, const auto& other,
                                const auto& to) __attribute__((always_inline)) {
    const auto shared = intersection_slopes<true>(own, in_frame(own, other, to));
    return plus(plus(plus(s, area_slopes(own), factor), shared, of_inter), hull_slopes(own, other), of_hull);
  };
  by_a = of_uncovered(by_a, a, b, turn);
  if constexpr (kOfB) by_b = of_uncovered(by_b, b, a, turned_back(turn));
}

template <bool kOfB, typename T>
PTDET_HD void overlap_slopes(Diou, const RotatedBox<T>& a, const RotatedBox<T>& b, T weight, RotatedSlopes<T>& by_a,
                             RotatedSlopes<T>& by_b) {
  overlap_slopes<kOfB>(Iou{}, a, b, weight, by_a, by_b);
  by_a = plus_distance(by_a, a, b, -weight);
  if constexpr (kOfB) by_b = plus_distance(by_b, b, a, -weight);
}

template <bool kOfB, typename T>
PTDET_HD void overlap_slopes(Tiou, const RotatedBox<T>& a, const RotatedBox<T>& b, T weight, RotatedSlopes<T>& by_a,
                             RotatedSlopes<T>& by_b) {
  const T none(0.0), one(1.0), hull = enclosed_area(a, b);
  const Divisor<T> smaller = divisor(Ios{}, a, b, none);
  const auto sound = (smaller.value > none) & is_finite(hull);
  const T by = one / select(sound, hull, one), factor = select(sound, weight * by, none);
  const T of_hull = select(sound, -(factor * (smaller.value * by)), none);
  const auto slopes = [=](const auto& own, const auto& other, T by_area) __attribute__((always_inline)) {
    const RotatedSlopes<T> nothing = {none, none, none, none, none};
    return plus(plus(nothing, area_slopes(own), factor * by_area), hull_slopes(own, other), of_hull);
  };
  by_a = slopes(a, b, smaller.by_area_a);
  if constexpr (kOfB) by_b = slopes(b, a, smaller.by_area_b);
}

// By the numbers of a: factors of the slopes of its area, of `unlike` and of `distance`.
template <typename T>
PTDET_HD RotatedSlopes<T> gaussian_slopes(const RotatedBox<T>& a, const RotatedBox<T>& b, const Gaussians<T>& g,
                                          T of_area, T of_unlike, T of_distance) {
  const T two(2.0), by = T(1.0) / g.scale, more = g.area_a - g.area_b, distance = -two * of_distance * by;
  const T across = g.cos * g.cos * g.wide, along = g.sin * g.sin * g.tall;
  const T xa = g.ha * g.ha * g.ua, ya = g.wa * g.wa * g.va, xb = g.hb * g.hb * g.ub, yb = g.wb * g.wb * g.vb;
  const T squares_a = g.wa * g.wa - g.ha * g.ha, squares_b = g.wb * g.wb - g.hb * g.hb;
  const T unlike_w = two * (more * g.ha + (across * g.hb + along * g.wb));
  const T unlike_h = two * (more * g.wa - (across * g.wb + along * g.hb));
  return {
      bounded(distance * ((xa * a.cos - ya * a.sin) + (xb * b.cos - yb * b.sin))),
      bounded(distance * ((xa * a.sin + ya * a.cos) + (xb * b.sin + yb * b.cos))),
      bounded(by * ((of_area * g.ha + of_unlike * unlike_w) + two * of_distance * (g.wa * g.va * g.va))),
      bounded(by * ((of_area * g.wa + of_unlike * unlike_h) + two * of_distance * (g.ha * g.ua * g.ua))),
      bounded(-two * (of_unlike * (g.cos * g.sin * squares_a * squares_b) + of_distance * (g.ua * g.va * squares_a)))};
}

// At a perfect match, where it has a kink, 0.
template <typename T>
PTDET_HD RotatedSlopes<T> own_slopes(Probiou, const RotatedBox<T>& a, const RotatedBox<T>& b, T weight) {
  const Gaussians<T> g = gaussians(a, b);
  const Alike<T> found = alike(g);
  const T none(0.0), one(1.0), half(0.5), decay = T(3.0) * (g.distance / g.determinant);
  const auto sound = (a.area > none) & (b.area > none) & (found.apart > none);
  const T slope = weight * -half * found.coefficient / (select(sound, found.apart, one) * g.determinant);
  const T factor = select(sound & is_finite(slope), slope, none);
  return gaussian_slopes(a, b, g, factor * (-T(4.0) * decay * g.area_b - half * (g.unlike / g.area_a)),
                         factor * (half - decay), T(3.0) * factor);
}

template <typename T>
PTDET_HD RotatedSlopes<T> own_slopes(Kfiou, const RotatedBox<T>& a, const RotatedBox<T>& b, T weight) {
  const Gaussians<T> g = gaussians(a, b);
  const T none(0.0), sum = g.area_a + g.area_b, fused = g.area_a * g.area_b / root(g.determinant), rest = sum - fused;
  const T slope = weight * fused / (rest * rest);
  const auto sound = (a.area > none) & (b.area > none) & is_finite(slope);
  const T factor = select(sound, slope, none);
  return gaussian_slopes(a, b, g, factor * (sum * (T(1.0) / g.area_a - T(2.0) * g.area_b / g.determinant) - T(1.0)),
                         T(-0.5) * factor * sum / g.determinant, none);
}

template <bool kOfB, typename T>
PTDET_HD void overlap_slopes(Probiou measure, const RotatedBox<T>& a, const RotatedBox<T>& b, T weight,
                             RotatedSlopes<T>& by_a, RotatedSlopes<T>& by_b) {
  by_a = own_slopes(measure, a, b, weight);
  if constexpr (kOfB) by_b = own_slopes(measure, b, a, weight);
}

template <bool kOfB, typename T>
PTDET_HD void overlap_slopes(Kfiou measure, const RotatedBox<T>& a, const RotatedBox<T>& b, T weight,
                             RotatedSlopes<T>& by_a, RotatedSlopes<T>& by_b) {
  by_a = own_slopes(measure, a, b, weight);
  if constexpr (kOfB) by_b = own_slopes(measure, b, a, weight);
}

}  // namespace ptdet

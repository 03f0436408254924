// The measures of overlap.h once more, with an epsilon in their denominators and with their slopes: the same values
// where epsilon is 0. A measure is written over what two boxes have to do with each other (Pair); its slopes go to the
// boxes' coordinates in one place (by_coordinates). T is a number, or a register of numbers (cpu/simd/pack.h).
#pragma once

#include "math/overlap.h"

namespace ptdet {

// A box with what a measure asks of it alone.
template <typename T>
struct Sided {
  Box<T> box;
  T w, h, area;
  Angle<T> angle;
};

// Without the angle, which takes long to compute, where the measure has no use for it.
template <bool kWithAngle = true, typename T>
PTDET_HD Sided<T> sided(const Box<T>& box) {
  const T w = width(box), h = height(box);
  const T none(0);
  Angle<T> angle{none, none, none};
  if (kWithAngle) angle = diagonal_angle(w, h);
  return {box, w, h, w * h, angle};
}

template <typename T>
struct Pair {
  Sided<T> a, b;
  T iw, ih;  // sides of the intersection
  T cw, ch;  // sides of the enclosing box
  T dx, dy;  // between the centres
};

template <typename T>
PTDET_HD Pair<T> pair_of(const Sided<T>& a, const Sided<T>& b) {
  const Box<T> common = intersection(a.box, b.box), hull = enclosing(a.box, b.box);
  return {a,
          b,
          width(common),
          height(common),
          width(hull),
          height(hull),
          (a.box.x1 + a.box.x2) / T(2) - (b.box.x1 + b.box.x2) / T(2),
          (a.box.y1 + a.box.y2) / T(2) - (b.box.y1 + b.box.y2) / T(2)};
}

// The derivative of a measure by each quantity of a Pair.
template <typename T>
struct Slopes {
  T iw = T(0), ih = T(0), cw = T(0), ch = T(0), dx = T(0), dy = T(0);
  T wa = T(0), ha = T(0), wb = T(0), hb = T(0);                          // by sides that are clamped at 0
  T given_wa = T(0), given_ha = T(0), given_wb = T(0), given_hb = T(0);  // by sides as given
  T overlap = T(0);                                                      // not a slope: the overlap, finite or not
};

// What is added to the denominators: of the overlap, and of the penalties (SPEC 1, "eps is honoured in every term").
template <typename T>
struct Epsilon {
  T joint, penalty;
};

// part / whole with its slopes, which are 0 where it is 0/0 or not finite.
template <typename T>
struct Quotient {
  T value, by_part, by_whole;
};

template <typename T>
PTDET_HD Quotient<T> quotient(T part, T whole) {
  const T value = share(part, whole), inverse = T(1) / whole;
  const auto sound = is_finite(value) & (whole != T(0));
  return {value, select(sound, inverse, T(0)), select(sound, -value * inverse, T(0))};
}

template <typename T>
PTDET_HD void by_inter(Slopes<T>& s, const Pair<T>& p, T slope) {
  s.iw = s.iw + slope * p.ih;
  s.ih = s.ih + slope * p.iw;
}

template <typename T>
PTDET_HD void by_area_a(Slopes<T>& s, const Pair<T>& p, T slope) {
  s.wa = s.wa + slope * p.a.h;
  s.ha = s.ha + slope * p.a.w;
}

template <typename T>
PTDET_HD void by_area_b(Slopes<T>& s, const Pair<T>& p, T slope) {
  s.wb = s.wb + slope * p.b.h;
  s.hb = s.hb + slope * p.b.w;
}

template <typename T>
PTDET_HD void by_joint(Slopes<T>& s, const Pair<T>& p, T slope) {
  by_area_a(s, p, slope);
  by_area_b(s, p, slope);
  by_inter(s, p, -slope);
}

template <typename T>
PTDET_HD T joint_area(const Pair<T>& p) {
  return p.a.area + p.b.area - p.iw * p.ih;
}

// An overlap that is not finite counts as 0 (SPEC 1); `overlap` keeps what it was.
template <typename T>
PTDET_HD T noted(T overlap, Slopes<T>& s) {
  s.overlap = overlap;
  return finite_or_zero(overlap);
}

// graded(measure, ...) returns the value, and adds its slopes to s. Where s.overlap is not finite, what
// Measure::between returns is not either.
template <typename T>
PTDET_HD T graded(Iou, const Pair<T>& p, const Epsilon<T>& eps, Slopes<T>& s) {
  const Quotient<T> q = quotient(p.iw * p.ih, joint_area(p) + eps.joint);
  by_inter(s, p, q.by_part);
  by_joint(s, p, q.by_whole);
  return noted(q.value, s);
}

// The penalties: each takes its slopes off s, so that s stays that of a measure.

template <typename T>
PTDET_HD T hull_penalty(const Pair<T>& p, T eps, Slopes<T>& s) {
  const T hull = p.cw * p.ch;
  const Quotient<T> q = quotient(hull - joint_area(p), hull + eps);
  const T by_hull = q.by_part + q.by_whole;
  s.cw = s.cw - by_hull * p.ch;
  s.ch = s.ch - by_hull * p.cw;
  by_joint(s, p, q.by_part);
  return finite_or_zero(q.value);
}

template <typename T>
PTDET_HD T distance_penalty(const Pair<T>& p, T eps, Slopes<T>& s) {
  const Quotient<T> q = quotient(p.dx * p.dx + p.dy * p.dy, p.cw * p.cw + p.ch * p.ch + eps);
  s.dx = s.dx - T(2) * q.by_part * p.dx;
  s.dy = s.dy - T(2) * q.by_part * p.dy;
  s.cw = s.cw - T(2) * q.by_whole * p.cw;
  s.ch = s.ch - T(2) * q.by_whole * p.ch;
  return finite_or_zero(q.value);
}

// alpha v, with alpha constant (SPEC 2).
template <typename T>
PTDET_HD T aspect_penalty(const Pair<T>& p, T iou, T eps, Slopes<T>& s) {
  const T turn = p.b.angle.value - p.a.angle.value;
  const T v = T(kAspectScale) * (turn * turn);
  const T alpha = share(v, T(1) - iou + v + eps);
  const T slope = select(is_finite(alpha * v), alpha * T(2 * kAspectScale) * turn, T(0));
  s.wa = s.wa + slope * p.a.angle.by_w;
  s.ha = s.ha + slope * p.a.angle.by_h;
  s.wb = s.wb - slope * p.b.angle.by_w;
  s.hb = s.hb - slope * p.b.angle.by_h;
  return finite_or_zero(alpha * v);
}

template <typename T>
PTDET_HD T graded(Giou, const Pair<T>& p, const Epsilon<T>& eps, Slopes<T>& s) {
  const T iou = graded(Iou{}, p, eps, s);
  return iou - hull_penalty(p, eps.penalty, s);
}

template <typename T>
PTDET_HD T graded(Diou, const Pair<T>& p, const Epsilon<T>& eps, Slopes<T>& s) {
  const T iou = graded(Iou{}, p, eps, s);
  return iou - distance_penalty(p, eps.penalty, s);
}

template <typename T>
PTDET_HD T graded(Ciou, const Pair<T>& p, const Epsilon<T>& eps, Slopes<T>& s) {
  const T iou = graded(Iou{}, p, eps, s);
  const T distance = distance_penalty(p, eps.penalty, s);
  return iou - distance - aspect_penalty(p, s.overlap, eps.penalty, s);
}

template <typename T>
PTDET_HD T graded(Iof, const Pair<T>& p, const Epsilon<T>& eps, Slopes<T>& s) {
  const Quotient<T> q = quotient(p.iw * p.ih, p.a.area + eps.joint);
  by_inter(s, p, q.by_part);
  by_area_a(s, p, q.by_whole);
  return noted(q.value, s);
}

// How much of the lesser of two is the first: 1, 0, or half each where they are equal.
template <typename T>
PTDET_HD T first_is_lesser(T first, T second) {
  return select(first < second, T(1), select(first == second, T(0.5), T(0)));
}

template <typename T>
PTDET_HD T graded(Ios, const Pair<T>& p, const Epsilon<T>& eps, Slopes<T>& s) {
  const auto a_counts = (p.a.area < p.b.area) | (p.a.area != p.a.area);  // NaN counts, whichever has it
  const Quotient<T> q = quotient(p.iw * p.ih, select(a_counts, p.a.area, p.b.area) + eps.joint);
  const T of_a = first_is_lesser(p.a.area, p.b.area);
  by_inter(s, p, q.by_part);
  by_area_a(s, p, q.by_whole * of_a);
  by_area_b(s, p, q.by_whole * (T(1) - of_a));
  return noted(q.value, s);
}

template <typename T>
PTDET_HD T graded(Tiou, const Pair<T>& p, const Epsilon<T>& eps, Slopes<T>& s) {
  const auto a_counts = (p.a.area < p.b.area) | (p.a.area != p.a.area);
  const Quotient<T> q = quotient(select(a_counts, p.a.area, p.b.area), p.cw * p.ch + eps.joint);
  const T of_a = first_is_lesser(p.a.area, p.b.area);
  by_area_a(s, p, q.by_part * of_a);
  by_area_b(s, p, q.by_part * (T(1) - of_a));
  s.cw = s.cw + q.by_whole * p.ch;
  s.ch = s.ch + q.by_whole * p.cw;
  return noted(q.value, s);
}

// A gradient within the finite range (SPEC 1).
template <typename T>
PTDET_HD T bounded(T x) {
  const T most = T(sizeof(typename ElementOf<T>::type) == 4 ? 3.4028234663852886e38 : 1.7976931348623157e308);
  const T below = select(x > most, most, x);
  return select(x == x, select(below < -most, -most, below), T(0));
}

template <typename T>
struct Ends {
  T low, high;
};

// From one axis of a Pair to the coordinates of box a (`low`, `high`), against those of box b: intersection, hull,
// own side, centre. min and max share a tie.
template <typename T>
PTDET_HD Ends<T> by_ends(T low, T high, T other_low, T other_high, T inter, T hull, T side, T centre) {
  const T high_cuts = first_is_lesser(high, other_high), low_cuts = first_is_lesser(other_low, low);
  return {bounded(T(0.5) * centre - low_cuts * inter - (T(1) - low_cuts) * hull - side),
          bounded(T(0.5) * centre + high_cuts * inter + (T(1) - high_cuts) * hull + side)};
}

// The slope of a side that max(., 0) has clamped is 0.
template <typename T>
PTDET_HD T where_positive(T side, T slope) {
  return select(side > T(0), slope, T(0));
}

template <typename T>
PTDET_HD Box<T> times(T factor, const Box<T>& by) {
  return {factor * by.x1, factor * by.y1, factor * by.x2, factor * by.y2};
}

// What s says of one box of the pair alone.
template <typename T>
struct OwnSlopes {
  T w, h, given_w, given_h;
  T direction;  // of the centres' distance: 1 for a, -1 for b
};

template <typename T>
PTDET_HD Box<T> by_coordinates(const Sided<T>& own, const Sided<T>& other, const Pair<T>& p, const Slopes<T>& s,
                               const OwnSlopes<T>& by) {
  const Ends<T> x = by_ends(own.box.x1, own.box.x2, other.box.x1, other.box.x2, where_positive(p.iw, s.iw),
                            where_positive(p.cw, s.cw), where_positive(own.w, by.w) + by.given_w, s.dx * by.direction);
  const Ends<T> y = by_ends(own.box.y1, own.box.y2, other.box.y1, other.box.y2, where_positive(p.ih, s.ih),
                            where_positive(p.ch, s.ch), where_positive(own.h, by.h) + by.given_h, s.dy * by.direction);
  return {x.low, y.low, x.high, y.high};
}

template <typename T>
PTDET_HD Box<T> by_box_a(const Pair<T>& p, const Slopes<T>& s) {
  return by_coordinates(p.a, p.b, p, s, OwnSlopes<T>{s.wa, s.ha, s.given_wa, s.given_ha, T(1)});
}

template <typename T>
PTDET_HD Box<T> by_box_b(const Pair<T>& p, const Slopes<T>& s) {
  return by_coordinates(p.b, p.a, p, s, OwnSlopes<T>{s.wb, s.hb, s.given_wb, s.given_hb, T(-1)});
}

}  // namespace ptdet

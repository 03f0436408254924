// The losses that are more than 1 - a measure, over the same Pair and Slopes as the measures. One function serves all:
// which terms there are is the same for every pair, so that its branches cost nothing. The slopes are those of -loss,
// as a measure's are. ptdet/ops/losses.py has the formulas and papers.
#pragma once

#include "math/overlap_grad.h"

namespace ptdet {

// Which loss (at most one of the first five; none: 1 - IoU + penalties) and of which penalties.
struct LossTerms {
  bool focal, powered, inner, wasserstein, wise;
  bool hull, distance, aspect, sides, angled_distance, shape, corners;
};

template <typename T>
struct LossShape {
  LossTerms terms;
  double exponent;
  T power, scale, eps;  // power is the exponent, once more
};

// s += factor * t
template <typename T>
PTDET_HD void add(Slopes<T>& s, const Slopes<T>& t, T factor) {
  s.iw = s.iw + factor * t.iw;
  s.ih = s.ih + factor * t.ih;
  s.cw = s.cw + factor * t.cw;
  s.ch = s.ch + factor * t.ch;
  s.dx = s.dx + factor * t.dx;
  s.dy = s.dy + factor * t.dy;
  s.wa = s.wa + factor * t.wa;
  s.ha = s.ha + factor * t.ha;
  s.wb = s.wb + factor * t.wb;
  s.hb = s.hb + factor * t.hb;
  s.given_wa = s.given_wa + factor * t.given_wa;
  s.given_ha = s.given_ha + factor * t.given_ha;
  s.given_wb = s.given_wb + factor * t.given_wb;
  s.given_hb = s.given_hb + factor * t.given_hb;
}

// x^exponent for x > 0, else 0; the usual exponents by multiplication. The slope is by x.
template <typename T>
struct Raised {
  T value, slope;
};

template <typename T>
PTDET_HD Raised<T> raised(T x, const LossShape<T>& shape) {
  T value, below;  // x^exponent and x^(exponent - 1)
  if (shape.exponent == 1) {
    value = x;
    below = T(1);
  } else if (shape.exponent == 2) {
    value = x * x;
    below = x;
  } else if (shape.exponent == 3) {
    below = x * x;
    value = x * below;
  } else if (shape.exponent == 4) {
    below = x * x * x;
    value = x * below;
  } else {
    value = power(x, shape.exponent);
    below = value / x;
  }
  const auto positive = x > T(0);
  return {select(positive, value, T(0)), select(positive, shape.power * below, T(0))};
}

template <typename T>
PTDET_HD T sign_of(T x) {
  return select(x > T(0), T(1), select(x < T(0), T(-1), T(0)));
}

template <typename T>
PTDET_HD Ends<T> given_sides(const Box<T>& box) {
  return {box.x2 - box.x1, box.y2 - box.y1};  // of x, of y
}

// EIoU: the squared differences of the sides over the squared sides of the enclosing box.
template <typename T>
PTDET_HD T sides_penalty(const Pair<T>& p, T eps, Slopes<T>& s) {
  const Ends<T> a = given_sides(p.a.box), b = given_sides(p.b.box);
  const T dw = a.low - b.low, dh = a.high - b.high;
  const Quotient<T> w = quotient(dw * dw, p.cw * p.cw + eps), h = quotient(dh * dh, p.ch * p.ch + eps);
  s.given_wa = s.given_wa - T(2) * w.by_part * dw;
  s.given_wb = s.given_wb + T(2) * w.by_part * dw;
  s.given_ha = s.given_ha - T(2) * h.by_part * dh;
  s.given_hb = s.given_hb + T(2) * h.by_part * dh;
  s.cw = s.cw - T(2) * w.by_whole * p.cw;
  s.ch = s.ch - T(2) * h.by_whole * p.ch;
  return finite_or_zero(w.value) + finite_or_zero(h.value);
}

// SIoU's distance cost, halved: sum over x, y of 1 - exp(-(2 - angle) rho), angle = sin(2 asin(dy / |d|)).
template <typename T>
PTDET_HD T angled_penalty(const Pair<T>& p, T eps, Slopes<T>& s) {
  const T along = magnitude(p.dx), across = magnitude(p.dy);
  const Quotient<T> angle = quotient(T(2) * (along * across), p.dx * p.dx + p.dy * p.dy + eps);
  const Quotient<T> x = quotient(p.dx * p.dx, p.cw * p.cw + eps), y = quotient(p.dy * p.dy, p.ch * p.ch + eps);
  const T gamma = T(2) - angle.value;
  const T ex = exponential(-(gamma * x.value)), ey = exponential(-(gamma * y.value));
  const T value = ((T(1) - ex) + (T(1) - ey)) / T(2);
  const auto sound = is_finite(value);
  const T by_gamma = select(sound, (ex * x.value + ey * y.value) / T(2), T(0));
  const T by_x = select(sound, ex * gamma / T(2), T(0)), by_y = select(sound, ey * gamma / T(2), T(0));
  s.dx = s.dx - T(2) * by_x * x.by_part * p.dx +
         by_gamma * T(2) * (angle.by_part * across * sign_of(p.dx) + angle.by_whole * p.dx);
  s.dy = s.dy - T(2) * by_y * y.by_part * p.dy +
         by_gamma * T(2) * (angle.by_part * along * sign_of(p.dy) + angle.by_whole * p.dy);
  s.cw = s.cw - T(2) * by_x * x.by_whole * p.cw;
  s.ch = s.ch - T(2) * by_y * y.by_whole * p.ch;
  return finite_or_zero(value);
}

// One axis of SIoU's shape cost: (1 - exp(-|difference| / greater side))^power.
template <typename T>
struct ShapeCost {
  T value, by_difference, by_a, by_b;
};

template <typename T>
PTDET_HD ShapeCost<T> shape_cost(T difference, T a, T b, const LossShape<T>& shape) {
  const Quotient<T> q = quotient(magnitude(difference), greater(a, b) + shape.eps);
  const T decayed = exponential(-q.value);
  const Raised<T> cost = raised(T(1) - decayed, shape);
  const T slope = select(is_finite(cost.value), cost.slope * decayed, T(0));
  const T of_a = first_is_lesser(b, a);
  return {cost.value, slope * q.by_part * sign_of(difference), slope * q.by_whole * of_a,
          slope * q.by_whole * (T(1) - of_a)};
}

// SIoU's shape cost, halved.
template <typename T>
PTDET_HD T shape_penalty(const Pair<T>& p, const LossShape<T>& shape, Slopes<T>& s) {
  const Ends<T> a = given_sides(p.a.box), b = given_sides(p.b.box);
  const ShapeCost<T> w = shape_cost(a.low - b.low, p.a.w, p.b.w, shape);
  const ShapeCost<T> h = shape_cost(a.high - b.high, p.a.h, p.b.h, shape);
  const T half = T(0.5);
  s.given_wa = s.given_wa - half * w.by_difference;
  s.given_wb = s.given_wb + half * w.by_difference;
  s.given_ha = s.given_ha - half * h.by_difference;
  s.given_hb = s.given_hb + half * h.by_difference;
  s.wa = s.wa - half * w.by_a;
  s.wb = s.wb - half * w.by_b;
  s.ha = s.ha - half * h.by_a;
  s.hb = s.hb - half * h.by_b;
  return finite_or_zero((w.value + h.value) * half);
}

// MPDIoU: squared distances of the corners over `scale`. A corner is its centre less or plus half a side.
template <typename T>
PTDET_HD T corners_penalty(const Pair<T>& p, const LossShape<T>& shape, Slopes<T>& s) {
  const T x1 = p.a.box.x1 - p.b.box.x1, y1 = p.a.box.y1 - p.b.box.y1;
  const T x2 = p.a.box.x2 - p.b.box.x2, y2 = p.a.box.y2 - p.b.box.y2;
  const T whole = shape.scale + shape.eps;
  const T first = (x1 * x1 + y1 * y1) / whole, second = (x2 * x2 + y2 * y2) / whole;
  const T by_first = select(is_finite(first), T(2) / whole, T(0));
  const T by_second = select(is_finite(second), T(2) / whole, T(0));
  s.dx = s.dx - (by_first * x1 + by_second * x2);
  s.dy = s.dy - (by_first * y1 + by_second * y2);
  const T by_w = (by_second * x2 - by_first * x1) / T(2), by_h = (by_second * y2 - by_first * y1) / T(2);
  s.given_wa = s.given_wa - by_w;
  s.given_wb = s.given_wb + by_w;
  s.given_ha = s.given_ha - by_h;
  s.given_hb = s.given_hb + by_h;
  return finite_or_zero(first) + finite_or_zero(second);
}

// Adds a penalty to the loss; Alpha-IoU raises it first.
template <typename T, typename Term>
PTDET_HD T with_penalty(T loss, const LossShape<T>& shape, Slopes<T>& s, Term&& term) {
  Slopes<T> own;
  const T value = term(own);
  if (!shape.terms.powered) {
    add(s, own, T(1));
    return loss + value;
  }
  const Raised<T> power = raised(value, shape);
  const auto sound = is_finite(power.value);
  add(s, own, select(sound, power.slope, T(0)));
  return loss + select(sound, power.value, T(0));
}

template <typename T>
PTDET_HD T with_penalties(T loss, const Pair<T>& p, T iou, const LossShape<T>& shape, Slopes<T>& s) {
  const T eps = shape.eps;
  if (shape.terms.hull) loss = with_penalty(loss, shape, s, [&](Slopes<T>& own) { return hull_penalty(p, eps, own); });
  if (shape.terms.distance)
    loss = with_penalty(loss, shape, s, [&](Slopes<T>& own) { return distance_penalty(p, eps, own); });
  if (shape.terms.aspect)
    loss = with_penalty(loss, shape, s, [&](Slopes<T>& own) { return aspect_penalty(p, iou, eps, own); });
  if (shape.terms.sides) loss = loss + sides_penalty(p, eps, s);
  if (shape.terms.angled_distance) loss = loss + angled_penalty(p, eps, s);
  if (shape.terms.shape) loss = loss + shape_penalty(p, shape, s);
  if (shape.terms.corners) loss = loss + corners_penalty(p, shape, s);
  return loss;
}

template <typename T>
PTDET_HD Box<T> scaled(const Box<T>& box, T ratio) {
  const T x = (box.x1 + box.x2) / T(2), y = (box.y1 + box.y2) / T(2);
  const T w = (box.x2 - box.x1) * ratio / T(2), h = (box.y2 - box.y1) * ratio / T(2);
  return {x - w, y - h, x + w, y + h};
}

// Inner-IoU: the IoU of the boxes with their sides times `scale`.
template <typename T>
PTDET_HD T inner_overlap(const Pair<T>& p, const LossShape<T>& shape, Slopes<T>& s) {
  const Pair<T> inner = pair_of(sided(scaled(p.a.box, shape.scale)), sided(scaled(p.b.box, shape.scale)));
  Slopes<T> own;
  const T value = graded(Iou{}, inner, Epsilon<T>{shape.eps, shape.eps}, own);
  const Box<T> by_a = by_box_a(inner, own), by_b = by_box_b(inner, own);
  const T half = shape.scale / T(2);
  s.dx = s.dx + (by_a.x1 + by_a.x2);
  s.dy = s.dy + (by_a.y1 + by_a.y2);
  s.given_wa = s.given_wa + (by_a.x2 - by_a.x1) * half;
  s.given_ha = s.given_ha + (by_a.y2 - by_a.y1) * half;
  s.given_wb = s.given_wb + (by_b.x2 - by_b.x1) * half;
  s.given_hb = s.given_hb + (by_b.y2 - by_b.y1) * half;
  return value;
}

// exp(-sqrt(W^2 + eps) / scale), W the 2-Wasserstein distance of the boxes as Gaussians.
template <typename T>
PTDET_HD T wasserstein(const Pair<T>& p, const LossShape<T>& shape, Slopes<T>& s) {
  const Ends<T> a = given_sides(p.a.box), b = given_sides(p.b.box);
  const T dw = (a.low - b.low) / T(2), dh = (a.high - b.high) / T(2);
  const T distance = root(p.dx * p.dx + p.dy * p.dy + dw * dw + dh * dh + shape.eps);
  const T value = exponential(-(distance / shape.scale));
  const Quotient<T> slope = quotient(-value, shape.scale * distance);
  const T by = select(is_finite(value), finite_or_zero(slope.value), T(0));
  s.dx = s.dx + by * p.dx;
  s.dy = s.dy + by * p.dy;
  s.given_wa = s.given_wa + by * dw / T(2);
  s.given_wb = s.given_wb - by * dw / T(2);
  s.given_ha = s.given_ha + by * dh / T(2);
  s.given_hb = s.given_hb - by * dh / T(2);
  return finite_or_zero(value);
}

// WIoU v1: exp(rho^2 / c^2) (1 - IoU), c^2 constant. v2 and v3 are it times a constant.
template <typename T>
PTDET_HD T wise(const Pair<T>& p, T iou, const LossShape<T>& shape, const Slopes<T>& by_iou, Slopes<T>& s) {
  const Quotient<T> q = quotient(p.dx * p.dx + p.dy * p.dy, p.cw * p.cw + p.ch * p.ch + shape.eps);
  const T raw = exponential(q.value);
  const auto sound = is_finite(raw);
  const T attention = select(sound, raw, T(1)), error = T(1) - iou;
  const T by_attention = select(sound, T(2) * q.by_part * raw * error, T(0));
  add(s, by_iou, attention);
  s.dx = s.dx - by_attention * p.dx;
  s.dy = s.dy - by_attention * p.dy;
  return attention * error;
}

template <typename T>
PTDET_HD T graded_loss(const Pair<T>& p, const LossShape<T>& shape, Slopes<T>& s) {
  if (shape.terms.wasserstein) return T(1) - wasserstein(p, shape, s);
  Slopes<T> by_iou;
  const T iou = graded(Iou{}, p, Epsilon<T>{shape.eps, shape.eps}, by_iou);
  if (shape.terms.wise) return wise(p, iou, shape, by_iou, s);
  if (shape.terms.inner) {
    const T inner = inner_overlap(p, shape, s);
    return with_penalties(T(1) - inner, p, by_iou.overlap, shape, s);
  }
  if (shape.terms.powered) {
    const Raised<T> power = raised(iou, shape);
    const auto sound = is_finite(power.value);
    add(s, by_iou, select(sound, power.slope, T(0)));
    return with_penalties(T(1) - select(sound, power.value, T(0)), p, by_iou.overlap, shape, s);
  }
  add(s, by_iou, T(1));
  const T loss = with_penalties(T(1) - iou, p, by_iou.overlap, shape, s);
  if (!shape.terms.focal) return loss;
  const T factor = shape.exponent == 0 ? T(1) : raised(iou, shape).value;  // constant in the gradient
  const Slopes<T> whole = s;
  s = Slopes<T>();
  add(s, whole, factor);
  return factor * loss;
}

}  // namespace ptdet

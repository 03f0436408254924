// A box turned about its centre, (cx, cy, w, h, angle) with the angle in radians from +x to +y: a shape (math/box.h).
// For a double and for a register of doubles, one rounding per written operation and no branch.
// ptdet/reference/rotated_overlap.py is the same once more.
#pragma once

#include "math/box.h"
#include "math/elementary.h"

namespace ptdet {

template <typename T>
struct RotatedBox {
  T cx, cy, w, h, angle;
  T cos, sin;  // of the angle
  T area;      // 0 where a side is not above 0, NaN where one of the five numbers is not finite
};

template <typename T>
PTDET_HD RotatedBox<T> rotated_box(T cx, T cy, T w, T h, T angle) {
  const Direction<T> turned = direction(angle);
  const T none(0.0), sound = (cx - cx) + (cy - cy) + (w - w) + (h - h) + (angle - angle);  // 0 or NaN
  return {cx, cy, w, h, angle, turned.cos, turned.sin, select((w > none) & (h > none), w * h, none) + sound};
}

template <typename T>
PTDET_HD T area(const RotatedBox<T>& b) {
  return b.area;
}

// The enclosing box, a little larger, so that an index which compares such boxes misses no pair.
template <typename T>
PTDET_HD Box<T> bounds(const RotatedBox<T>& b) {
  const T c = magnitude(b.cos), s = magnitude(b.sin), half(0.5), outwards(1e-12);
  const T x = half * (c * b.w + s * b.h), y = half * (s * b.w + c * b.h);
  const T reach_x = x + outwards * (x + magnitude(b.cx)), reach_y = y + outwards * (y + magnitude(b.cy));
  return {b.cx - reach_x, b.cy - reach_y, b.cx + reach_x, b.cy + reach_y};
}

template <typename T>
PTDET_HD T least_of(T a, T b) {
  return select(a < b, a, b);
}

template <typename T>
PTDET_HD T greatest_of(T a, T b) {
  return select(a > b, a, b);
}

template <typename T>
PTDET_HD T clamped(T x, T low, T high) {
  const T below = select(x < high, x, high);
  return select(below > low, below, low);
}

// x within [0, length]; 0 if NaN.
template <typename T>
PTDET_HD T along(T x, T length) {
  return least_of(select(x > T(0.0), x, T(0.0)), length);
}

// By how much [-reach, reach] and [low, high] overlap; 0 if those ends are NaN: no double holds the centres' distance.
template <typename T>
PTDET_HD T shared_length(T reach, T low, T high) {
  const T from = select(-reach > low, -reach, low), to = least_of(reach, high);
  return select(to > from, to - from, T(0.0));
}

// Which of two boxes the intersection is computed in the frame of: the one of larger area, then the one whose first
// number that differs is larger. So (a, b) and (b, a) are the same computation.
template <typename T>
PTDET_HD auto is_frame(const RotatedBox<T>& a, const RotatedBox<T>& b) {
  const auto of_larger = a.area > b.area, alike = a.area == b.area;
  if (!any(alike)) return of_larger;
  auto larger = a.angle > b.angle;
  larger = (a.h > b.h) | ((a.h == b.h) & larger);
  larger = (a.w > b.w) | ((a.w == b.w) & larger);
  larger = (a.cy > b.cy) | ((a.cy == b.cy) & larger);
  larger = (a.cx > b.cx) | ((a.cx == b.cx) & larger);
  return decltype(of_larger)(of_larger | (alike & larger));
}

// The direction of a box's w in the frame of another.
template <typename T>
PTDET_HD Direction<T> direction_in_frame(const RotatedBox<T>& box, const RotatedBox<T>& frame) {
  const auto parallel = box.angle == frame.angle;
  return {select(parallel, T(1.0), box.cos * frame.cos + box.sin * frame.sin),
          select(parallel, T(0.0), box.sin * frame.cos - box.cos * frame.sin)};
}

// The same, and what divides by it.
template <typename T>
struct RelativeTurn {
  T cos, sin, by_cos, by_sin;
};

template <typename T>
PTDET_HD RelativeTurn<T> relative_turn(const RotatedBox<T>& box, const RotatedBox<T>& frame) {
  const Direction<T> to = direction_in_frame(box, frame);
  return {to.cos, to.sin, T(1.0) / to.cos, T(1.0) / to.sin};
}

// Of the frame in the box. The same bits as relative_turn(frame, box).
template <typename T>
PTDET_HD RelativeTurn<T> turned_back(const RelativeTurn<T>& turn) {
  return {turn.cos, -turn.sin, turn.by_cos, -turn.by_sin};
}

// Two boxes, the frame and the other.
template <typename T>
struct Ordered {
  RotatedBox<T> box, frame;
};

template <typename T>
PTDET_HD Ordered<T> ordered(const RotatedBox<T>& a, const RotatedBox<T>& b) {
  const auto turned = is_frame(a, b);
  const auto pick = [=](T of_a, T of_b) __attribute__((always_inline)) { return select(turned, of_b, of_a); };
  const auto other = [=](T of_a, T of_b) __attribute__((always_inline)) { return select(turned, of_a, of_b); };
  return {{pick(a.cx, b.cx), pick(a.cy, b.cy), pick(a.w, b.w), pick(a.h, b.h), pick(a.angle, b.angle),
           pick(a.cos, b.cos), pick(a.sin, b.sin), pick(a.area, b.area)},
          {other(a.cx, b.cx), other(a.cy, b.cy), other(a.w, b.w), other(a.h, b.h), other(a.angle, b.angle),
           other(a.cos, b.cos), other(a.sin, b.sin), other(a.area, b.area)}};
}

// The centre of a box in the frame of another.
template <typename T>
struct Place {
  T dx, dy, x, y;  // dx, dy: along the axes of the picture
};

template <typename T>
PTDET_HD Place<T> place_in_frame(const RotatedBox<T>& box, const RotatedBox<T>& frame) {
  const T dx = box.cx - frame.cx, dy = box.cy - frame.cy;
  return {dx, dy, dx * frame.cos + dy * frame.sin, dy * frame.cos - dx * frame.sin};
}

// A box in the frame of another: axes along that one's sides, the origin in the centre of the box itself.
template <typename T>
struct InFrame {
  T low_x, high_x, low_y, high_y;  // the other box's sides
  T x0, y0, x1, y1;                // two corners; the others are opposite
  T w, h;                          // the box's sides
  RelativeTurn<T> turn;
  T most;  // what the area shared cannot exceed
};

template <typename T>
PTDET_HD InFrame<T> in_frame(const RotatedBox<T>& box, const RotatedBox<T>& frame, const RelativeTurn<T>& turn) {
  const Place<T> at = place_in_frame(box, frame);
  const T half(0.5), c = turn.cos, s = turn.sin, x = at.x, y = at.y;
  const T u = at.dx * box.cos + at.dy * box.sin, v = at.dy * box.cos - at.dx * box.sin;  // along the box's sides
  const T w = half * box.w, h = half * box.h, frame_w = half * frame.w, frame_h = half * frame.h;
  const T along_x = c * w, across_x = s * h, along_y = c * h, across_y = s * w;
  const T low_x = -frame_w - x, high_x = frame_w - x, low_y = -frame_h - y, high_y = frame_h - y;

  const T c_size = magnitude(c), s_size = magnitude(s);
  const T reach_u = c_size * frame_w + s_size * frame_h, reach_v = s_size * frame_w + c_size * frame_h;
  const T here =
      shared_length(c_size * w + s_size * h, low_x, high_x) * shared_length(c_size * h + s_size * w, low_y, high_y);
  const T there = shared_length(w, -reach_u - u, reach_u - u) * shared_length(h, -reach_v - v, reach_v - v);
  return {low_x,
          high_x,
          low_y,
          high_y,
          along_x - across_x,
          across_y + along_y,
          -along_x - across_x,
          along_y - across_y,
          box.w,
          box.h,
          turn,
          least_of(least_of(box.area, frame.area), least_of(here, there))};
}

// An edge's direction, of length 1.
template <typename T>
struct Along {
  T x, y, by_x, by_y;
};

template <typename T>
PTDET_HD Along<T> opposite(const Along<T>& a) {
  return {-a.x, -a.y, -a.by_x, -a.by_y};
}

// Of the edges from corner 1 to 0, and from 1 to the one opposite to 0.
template <typename T>
PTDET_HD Along<T> along_w(const RelativeTurn<T>& t) {
  return {t.cos, t.sin, t.by_cos, t.by_sin};
}
template <typename T>
PTDET_HD Along<T> along_h(const RelativeTurn<T>& t) {
  return {t.sin, -t.cos, t.by_sin, -t.by_cos};
}

// The integral of y, clamped to the frame's box, over an edge's part within that box's x. u: the ends' x, clamped.
// Between its ends' clamped y the integrand is a straight line, but for where it runs along the frame's sides.
template <typename T>
PTDET_HD T under_edge(const InFrame<T>& f, T length, const Along<T>& edge, T x0, T y0, T u0, T x1, T y1, T u1) {
  const T before = along((u0 - x0) * edge.by_x, length), after = along((x1 - u1) * edge.by_x, length);
  const T v0 = y0 + edge.y * before, v1 = y1 - edge.y * after, within = length - before - after;
  const T first = clamped(v0, f.low_y, f.high_y), last = clamped(v1, f.low_y, f.high_y);
  const T halfway = along((T(0.5) * (first + last) - v0) * edge.by_y, within);  // along the edge to their mean
  return (u1 - u0) * last + edge.x * (first - last) * halfway;
}

// Whether the frame's box holds all corners: those opposite to each other are as far from the origin.
template <typename T>
PTDET_HD auto is_within(const InFrame<T>& f) {
  const T x = greatest_of(magnitude(f.x0), magnitude(f.x1)), y = greatest_of(magnitude(f.y0), magnitude(f.y1));
  const auto along_x = least_of(x, least_of(f.high_x, -f.low_x)) == x;
  const auto along_y = least_of(y, least_of(f.high_y, -f.low_y)) == y;
  return along_x & along_y;  // of numbers, or of registers
}

// The area that a box shares with the one whose frame it is in. Green's theorem: but for the sign, it is the sum of
// those integrals over the box's edges. A box within the other shares its own area, to the bit.
template <typename T>
PTDET_HD T shared_area(const InFrame<T>& f) {
  const T none(0.0);
  if (!any(f.most > none)) return none;
  const Along<T> right = along_w(f.turn), left = opposite(right), down = along_h(f.turn), up = opposite(down);
  const T u0 = clamped(f.x0, f.low_x, f.high_x), u1 = clamped(f.x1, f.low_x, f.high_x);
  const T u2 = clamped(-f.x0, f.low_x, f.high_x), u3 = clamped(-f.x1, f.low_x, f.high_x);
  const T sum = (under_edge(f, f.w, left, f.x0, f.y0, u0, f.x1, f.y1, u1) +
                 under_edge(f, f.w, right, -f.x0, -f.y0, u2, -f.x1, -f.y1, u3)) +
                (under_edge(f, f.h, down, f.x1, f.y1, u1, -f.x0, -f.y0, u2) +
                 under_edge(f, f.h, up, -f.x1, -f.y1, u3, f.x0, f.y0, u0));
  const T shared = select(is_within(f) & (f.most > none), f.w * f.h, least_of(-sum, f.most));
  return select(shared > none, shared, none);
}

// Continuous in every number, without an epsilon. NaN where a box's area is not finite.
template <typename T>
PTDET_HD T intersection_area(const RotatedBox<T>& a, const RotatedBox<T>& b) {
  const Ordered<T> both = ordered(a, b);
  const T sound = (a.area - a.area) + (b.area - b.area);  // 0 or NaN
  return shared_area(in_frame(both.box, both.frame, relative_turn(both.box, both.frame))) + sound;
}

}  // namespace ptdet

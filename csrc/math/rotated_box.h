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
PTDET_HD T clamped(T x, T low, T high) {
  const T below = select(x < high, x, high);
  return select(below > low, below, low);
}

// part / whole within [0, 1], by 1 / whole; 0 for 0/0.
template <typename T>
PTDET_HD T fraction(T part, T inverse) {
  const T x = part * inverse, one(1.0), none(0.0);
  return select(x > none, select(x < one, x, one), none);
}

// By how much [-reach, reach] and [low, high] overlap.
template <typename T>
PTDET_HD T shared_length(T reach, T low, T high) {
  const T from = select(low > -reach, low, -reach), to = least_of(high, reach);
  return select(to > from, to - from, T(0.0));
}

// Which of two boxes the intersection is computed in the frame of: the one of larger area, then the one whose first
// number that differs is larger. So (a, b) and (b, a) are the same computation.
template <typename T>
PTDET_HD auto is_frame(const RotatedBox<T>& a, const RotatedBox<T>& b) {
  auto larger = a.angle > b.angle;
  larger = (a.h > b.h) | ((a.h == b.h) & larger);
  larger = (a.w > b.w) | ((a.w == b.w) & larger);
  larger = (a.cy > b.cy) | ((a.cy == b.cy) & larger);
  larger = (a.cx > b.cx) | ((a.cx == b.cx) & larger);
  return (a.area > b.area) | ((a.area == b.area) & larger);
}

// A box in the frame of another: axes along that one's sides, the origin in the centre of the box itself.
template <typename T>
struct InFrame {
  T low_x, high_x, low_y, high_y;  // the other box's sides
  T x0, y0, x1, y1;                // two corners; the others are opposite
  T most;                          // what the area shared cannot exceed
};

template <typename T>
PTDET_HD InFrame<T> in_frame(const RotatedBox<T>& box, const RotatedBox<T>& frame) {
  const T half(0.5), one(1.0), none(0.0);
  const auto parallel = box.angle == frame.angle;
  const T c = select(parallel, one, box.cos * frame.cos + box.sin * frame.sin);
  const T s = select(parallel, none, box.sin * frame.cos - box.cos * frame.sin);
  const T dx = box.cx - frame.cx, dy = box.cy - frame.cy;
  const T x = dx * frame.cos + dy * frame.sin, y = dy * frame.cos - dx * frame.sin;  // the centre of box, in the frame
  const T u = dx * box.cos + dy * box.sin, v = dy * box.cos - dx * box.sin;          // the same along the box's sides
  const T w = half * box.w, h = half * box.h, frame_w = half * frame.w, frame_h = half * frame.h;
  const T along_x = c * w, across_x = s * h, along_y = c * h, across_y = s * w;
  const T low_x = -frame_w - x, high_x = frame_w - x, low_y = -frame_h - y, high_y = frame_h - y;

  const T c_size = magnitude(c), s_size = magnitude(s);
  const T reach_u = c_size * frame_w + s_size * frame_h, reach_v = s_size * frame_w + c_size * frame_h;
  const T here = shared_length(magnitude(along_x) + magnitude(across_x), low_x, high_x) *
                 shared_length(magnitude(along_y) + magnitude(across_y), low_y, high_y);
  const T there = shared_length(w, -reach_u - u, reach_u - u) * shared_length(h, -reach_v - v, reach_v - v);
  return {low_x,
          high_x,
          low_y,
          high_y,
          along_x - across_x,
          across_y + along_y,
          -along_x - across_x,
          along_y - across_y,
          least_of(least_of(box.area, frame.area), least_of(here, there))};
}

// The integral of y, clamped to the frame's box, over an edge's part within that box's x. u: the ends' x, clamped.
// inverse: 1 / (x1 - x0). Between its ends' clamped y the integrand is a straight line, but for where it runs along the
// frame's sides.
template <typename T>
PTDET_HD T under_edge(const InFrame<T>& f, T inverse, T x0, T y0, T u0, T x1, T y1, T u1) {
  const T rise = y1 - y0;
  const T v0 = y0 + rise * fraction(u0 - x0, inverse), v1 = y1 - rise * fraction(x1 - u1, inverse);
  const T first = clamped(v0, f.low_y, f.high_y), last = clamped(v1, f.low_y, f.high_y), climb = T(1.0) / (v1 - v0);
  const T weight = T(0.5) * (fraction(f.low_y - v0, climb) + fraction(f.high_y - v0, climb));
  return (u1 - u0) * (last + (first - last) * weight);
}

// Green's theorem: the area that two boxes share is, but for the sign, the sum of those integrals over one's edges.
// Continuous in every number, without an epsilon. NaN where a box's area is not finite.
template <typename T>
PTDET_HD T intersection_area(const RotatedBox<T>& a, const RotatedBox<T>& b) {
  const auto turned = is_frame(a, b);
  const auto pick = [=](T of_a, T of_b) __attribute__((always_inline)) { return select(turned, of_b, of_a); };
  const auto other = [=](T of_a, T of_b) __attribute__((always_inline)) { return select(turned, of_a, of_b); };
  const RotatedBox<T> box{pick(a.cx, b.cx),       pick(a.cy, b.cy),   pick(a.w, b.w),     pick(a.h, b.h),
                          pick(a.angle, b.angle), pick(a.cos, b.cos), pick(a.sin, b.sin), pick(a.area, b.area)};
  const RotatedBox<T> frame{other(a.cx, b.cx),       other(a.cy, b.cy),   other(a.w, b.w),     other(a.h, b.h),
                            other(a.angle, b.angle), other(a.cos, b.cos), other(a.sin, b.sin), other(a.area, b.area)};
  const InFrame<T> f = in_frame(box, frame);
  const T none(0.0), sound = (a.area - a.area) + (b.area - b.area);  // 0 or NaN
  if (!any(f.most > none)) return sound;
  const T u0 = clamped(f.x0, f.low_x, f.high_x), u1 = clamped(f.x1, f.low_x, f.high_x);
  const T u2 = clamped(-f.x0, f.low_x, f.high_x), u3 = clamped(-f.x1, f.low_x, f.high_x);
  const T one(1.0), by_first = one / (f.x1 - f.x0), by_second = one / (-f.x0 - f.x1);
  const T sum = (under_edge(f, by_first, f.x0, f.y0, u0, f.x1, f.y1, u1) +
                 under_edge(f, -by_first, -f.x0, -f.y0, u2, -f.x1, -f.y1, u3)) +
                (under_edge(f, by_second, f.x1, f.y1, u1, -f.x0, -f.y0, u2) +
                 under_edge(f, -by_second, -f.x1, -f.y1, u3, f.x0, f.y0, u0));
  const T shared = least_of(-sum, f.most);
  return select(shared > none, shared, none) + sound;
}

}  // namespace ptdet

// What encloses two rotated boxes: their convex hull, whose area GIoU and TIoU divide by, and DIoU by its squared
// diameter. Without a sort or an epsilon, and continuous in every number. For a double and for a register of
// doubles. ptdet/reference/rotated_enclosing.py is the same once more.
#pragma once

#include "math/rotated_box.h"

namespace ptdet {

// A box as another, the frame, sees it: that one's sides are the axes, its centre is the origin. The other's sides are
// named so that the outward normal of its first lies between the frame's first and second, at 0 and 90 degrees: then
// the normals of all edges alternate, one of the frame and one of the box.
template <typename T>
struct Faced {
  T w, h;           // half the sides of the frame
  T x, y;           // the centre of the box
  T cos, sin;       // of the first normal, neither below 0
  T first, second;  // half the sides along the first and the second normal
  // The corners before and after the first edge; the two after those are opposite.
  T before_x, before_y, after_x, after_y;
};

template <typename T>
PTDET_HD T half_side(T side) {
  return select(side > T(0.0), T(0.5) * side, T(0.0));
}

template <typename T>
PTDET_HD Faced<T> faced(const RotatedBox<T>& frame, const RotatedBox<T>& box) {
  const Place<T> at = place_in_frame(box, frame);
  const Direction<T> to = direction_in_frame(box, frame);
  const auto swapped = to.cos * to.sin < T(0.0);
  const T along = magnitude(to.cos), across = magnitude(to.sin), w = half_side(box.w), h = half_side(box.h);
  const T c = select(swapped, across, along), s = select(swapped, along, across);
  const T first = select(swapped, h, w), second = select(swapped, w, h);
  return {half_side(frame.w),
          half_side(frame.h),
          at.x,
          at.y,
          c,
          s,
          first,
          second,
          c * first + s * second,
          s * first - c * second,
          c * first - s * second,
          s * first + c * second};
}

// 1 where the frame reaches farther in a direction, 0 where the box does; half each at a tie.
template <typename T>
PTDET_HD T leads(T by) {
  return select(by > T(0.0), T(1.0), select(by < T(0.0), T(0.0), T(0.5)));
}

// Which of the two makes the hull, between one normal and the next: a corner of the frame stays the farthest from one
// normal of the frame to the next, and so does one of the box. So the hull runs along an edge of the one that leads at
// its normal, and changes from a corner to another where the lead changes.
template <typename T>
struct HullParts {
  T lead_0, lead_1, lead_2, lead_3;  // of the frame, at its own normals
  T rest_0, rest_1, rest_2, rest_3;  // of the box, at its own normals
  // For each corner of the frame, the box's corners that the hull comes from, less those that it goes to.
  T x1, y1, x2, y2, x3, y3, x4, y4;
};

template <typename T>
PTDET_HD HullParts<T> hull_parts(const Faced<T>& f) {
  const T one(1.0);
  const T along = f.x * f.cos + f.y * f.sin, across = f.y * f.cos - f.x * f.sin;
  const T reach_first = f.cos * f.w + f.sin * f.h, reach_second = f.sin * f.w + f.cos * f.h;
  const T a0 = leads(f.w - (f.before_x + f.x)), b0 = leads(reach_first - (f.first + along));
  const T a1 = leads(f.h - (f.after_y + f.y)), b1 = leads(reach_second - (f.second + across));
  const T a2 = leads(f.w - (f.before_x - f.x)), b2 = leads(reach_first - (f.first - along));
  const T a3 = leads(f.h - (f.after_y - f.y)), b3 = leads(reach_second - (f.second - across));
  const T x0 = f.x + f.before_x, y0 = f.y + f.before_y, x1 = f.x + f.after_x, y1 = f.y + f.after_y;
  const T x2 = f.x - f.before_x, y2 = f.y - f.before_y, x3 = f.x - f.after_x, y3 = f.y - f.after_y;
  return {a0,
          a1,
          a2,
          a3,
          one - b0,
          one - b1,
          one - b2,
          one - b3,
          (a0 - b0) * x0 + (b0 - a1) * x1,
          (a0 - b0) * y0 + (b0 - a1) * y1,
          (a1 - b1) * x1 + (b1 - a2) * x2,
          (a1 - b1) * y1 + (b1 - a2) * y2,
          (a2 - b2) * x2 + (b2 - a3) * x3,
          (a2 - b2) * y2 + (b2 - a3) * y3,
          (a3 - b3) * x3 + (b3 - a0) * x0,
          (a3 - b3) * y3 + (b3 - a0) * y0};
}

// Half the sum of the cross products of neighbours, corner by corner: of the frame's edges, of the box's, and of those
// from one to the other.
template <typename T>
PTDET_HD T hull_area(const RotatedBox<T>& a, const RotatedBox<T>& b) {
  const Ordered<T> both = ordered(a, b);
  const Faced<T> f = faced(both.frame, both.box);
  const HullParts<T> p = hull_parts(f);
  const T along = f.x * f.cos + f.y * f.sin, across = f.y * f.cos - f.x * f.sin;
  const T own = f.w * f.h * ((p.lead_0 + p.lead_1) + (p.lead_2 + p.lead_3));
  const T others = f.second * (p.rest_0 * (f.first + along) + p.rest_2 * (f.first - along)) +
                   f.first * (p.rest_1 * (f.second + across) + p.rest_3 * (f.second - across));
  const T between = f.w * ((p.y1 - p.y2) + (p.y4 - p.y3)) + f.h * ((p.x3 - p.x1) + (p.x4 - p.x2));
  return own + others + T(0.5) * between;
}

// The share of the hull that neither covers, at least 0. `joint`: the area of the union.
template <typename T>
PTDET_HD T uncovered_share(const RotatedBox<T>& a, const RotatedBox<T>& b, T joint) {
  const T found = hull_area(a, b), hull = select(found > joint, found, joint);
  return finite_or_zero(share(hull - joint, hull));
}

// The area of the hull; of the union where rounding left less; NaN where that is, so that no overlap is then a number.
template <typename T>
PTDET_HD T enclosed_area(const RotatedBox<T>& a, const RotatedBox<T>& b) {
  const T joint = area(a) + area(b) - intersection_area(a, b), hull = hull_area(a, b);
  return select(hull < joint, joint, hull) + (joint - joint);
}

// The squared distance from the frame's corner that is farthest.
template <typename T>
PTDET_HD T farthest(const Faced<T>& f, T x, T y) {
  const T across = magnitude(x) + f.w, down = magnitude(y) + f.h;
  return across * across + down * down;
}

// The greatest distance of two corners of either, squared.
template <typename T>
PTDET_HD T squared_diameter(const Faced<T>& f) {
  const T own = T(4.0) * greatest_of(f.w * f.w + f.h * f.h, f.first * f.first + f.second * f.second);
  const T before =
      greatest_of(farthest(f, f.x + f.before_x, f.y + f.before_y), farthest(f, f.x - f.before_x, f.y - f.before_y));
  const T after =
      greatest_of(farthest(f, f.x + f.after_x, f.y + f.after_y), farthest(f, f.x - f.after_x, f.y - f.after_y));
  return greatest_of(own, greatest_of(before, after));
}

// The squared distance of the centres over the squared diameter of the hull, at most 1.
template <typename T>
PTDET_HD T centre_distance_share(const RotatedBox<T>& a, const RotatedBox<T>& b) {
  const Ordered<T> both = ordered(a, b);
  const Faced<T> f = faced(both.frame, both.box);
  const T distance = f.x * f.x + f.y * f.y;
  return finite_or_zero(share(distance, greatest_of(squared_diameter(f), distance)));
}

}  // namespace ptdet

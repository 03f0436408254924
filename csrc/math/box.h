// The axis-aligned box. Every function lets a NaN coordinate through, as torch.min, max and clamp do: what NaN means is
// decided once, in overlap.h.
//
// It is a *shape*, as that of rotated_box.h is. A shape is a struct with functions beside it, and an index, a measure
// or a pass asks for nothing else:
//   bounds(shape)                  the axis-aligned box around it, which is what an index sees
//   area(shape)                    its area
//   intersection_area(a, b)        the area that two of them share
// and, for measures that divide by what encloses both (overlap.h, rotated_enclosing.h):
//   uncovered_share(a, b, union)   the share that neither covers of what encloses both
//   centre_distance_share(a, b)    the squared distance of their centres over the squared diagonal of that
//   enclosed_area(a, b)            the area of that
#pragma once

#include "math/platform.h"

namespace ptdet {

template <typename T>
struct Box {
  T x1, y1, x2, y2;
};

template <typename T>
PTDET_HD T lesser(T a, T b) {
  return a < b || a != a ? a : b;
}

template <typename T>
PTDET_HD T greater(T a, T b) {
  return a > b || a != a ? a : b;
}

template <typename T>
PTDET_HD T positive_part(T x) {
  return x > T(0) || x != x ? x : T(0);
}

template <typename T>
PTDET_HD T width(const Box<T>& b) {
  return positive_part(b.x2 - b.x1);
}

template <typename T>
PTDET_HD T height(const Box<T>& b) {
  return positive_part(b.y2 - b.y1);
}

template <typename T>
PTDET_HD const Box<T>& bounds(const Box<T>& b) {
  return b;
}

template <typename T>
PTDET_HD T area(const Box<T>& b) {
  return width(b) * height(b);
}

// The rectangle both boxes cover; empty (x2 <= x1 or y2 <= y1) if they do not meet.
template <typename T>
PTDET_HD Box<T> intersection(const Box<T>& a, const Box<T>& b) {
  return {greater(a.x1, b.x1), greater(a.y1, b.y1), lesser(a.x2, b.x2), lesser(a.y2, b.y2)};
}

template <typename T>
PTDET_HD T intersection_area(const Box<T>& a, const Box<T>& b) {
  return area(intersection(a, b));
}

// The smallest box around both; corners as given, so an inverted box is not put right first (SPEC 1).
template <typename T>
PTDET_HD Box<T> enclosing(const Box<T>& a, const Box<T>& b) {
  return {lesser(a.x1, b.x1), lesser(a.y1, b.y1), greater(a.x2, b.x2), greater(a.y2, b.y2)};
}

}  // namespace ptdet

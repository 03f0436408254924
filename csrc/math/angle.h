// The angle of a box's diagonal, atan(w / h), as CIoU needs it, with its slope.
#pragma once

#include "math/elementary.h"
#include "math/finite.h"

namespace ptdet {

template <typename T>
struct Angle {
  T value;       // in [0, pi / 2]; 0 for a point; NaN where both sides are infinite
  T by_w, by_h;  // its slopes; finite or saturated, 0 for a point
};

template <typename T>
PTDET_HD Angle<T> diagonal_angle(T w, T h) {
  const auto flat = w > h;
  const T low = select(flat, h, w), high = select(flat, w, h);
  const T r = share(low, high);
  const T from_axis = arctangent(r);
  const T inverse = select(high == T(0), T(0), T(1) / (high * (T(1) + r * r)));
  return {select(flat, T(1.57079632679489661923) - from_axis, from_axis), select(flat, r, T(1)) * inverse,
          -select(flat, T(1), r) * inverse};
}

}  // namespace ptdet

// The loose test of two rotated boxes before the exact one (math/rotated_box.h, math/rotated_gaussian.h): without a
// division, and it may only err towards "maybe", as that of their bounds (prefilter.h) does.
#pragma once

#include "cpu/prefilter.h"

namespace ptdet::cpu {

template <typename T>
PTDET_HD T without_sign(T x) {
  return bits_of<T>(bits_of<typename BitsOf<T>::type>(x) & 0x7fffffffffffffffull);
}

// What two boxes share along one direction, at most; below 0 where they are apart. `reach`: of half a box.
template <typename T>
struct SharedLength {
  T either, both;

  PTDET_HD SharedLength(T reach, T others, T apart, T slack)
      : either(least_of(reach, others) + least_of(reach, others) + slack),
        both(reach + others - without_sign(apart) + slack) {}
  PTDET_HD T most() const { return least_of(either, both); }
};

// Along the sides of the first and of the second.
template <typename T>
struct SharedLengths {
  SharedLength<T> x, y, u, v;

  // Then the exact area is 0. Not so if one of these is NaN.
  PTDET_HD auto are_apart() const { return least_of(least_of(x.both, y.both), least_of(u.both, v.both)) < T(0.0); }
  PTDET_HD T most_area() const { return least_of(x.most() * y.most(), u.most() * v.most()); }
};

template <typename T>
PTDET_HD SharedLengths<T> shared_lengths(const RotatedBox<T>& a, const RotatedBox<T>& b) {
  const T half(0.5), dx = b.cx - a.cx, dy = b.cy - a.cy;
  const T wa = half * a.w, ha = half * a.h, wb = half * b.w, hb = half * b.h;
  const T c = without_sign(a.cos * b.cos + a.sin * b.sin), s = without_sign(b.sin * a.cos - b.cos * a.sin);
  // More than rounding takes from these sums, and from those of the exact area. For a distance of so many sides that
  // it could take more, one direction shows that they are apart beyond all doubt.
  const T slack = (T(1e-9) * (wa + ha) + T(1e-300)) + T(1e-9) * (wb + hb);
  return {{wa, c * wb + s * hb, dx * a.cos + dy * a.sin, slack},
          {ha, s * wb + c * hb, dy * a.cos - dx * a.sin, slack},
          {wb, c * wa + s * ha, dx * b.cos + dy * b.sin, slack},
          {hb, s * wa + c * ha, dy * b.cos - dx * b.sin, slack}};
}

// The candidates that this box surely does not suppress, for a filter that is of this measure.
template <typename Measure, typename T>
PTDET_HD auto surely_below(const Filter<double>& filter, const RotatedBox<T>& selected,
                           const RotatedBox<T>& candidate) {
  if constexpr (Measure::kBound == Bound::kGaussian) {
    const Gaussians<T> g = gaussians(candidate, selected);
    return T(12.0) * g.distance > T(filter.sigmas * filter.sigmas) * g.determinant;
  } else {
    const SharedLengths<T> found = shared_lengths(selected, candidate);
    const T own = filter.limit(selected.area, Role::kSelected), other = filter.limit(candidate.area, Role::kCandidate);
    const T bound = filter.takes_lesser() ? least_of(own, other) : own + other;
    return found.are_apart() | (found.most_area() < bound);
  }
}

}  // namespace ptdet::cpu

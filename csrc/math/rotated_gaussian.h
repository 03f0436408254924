// Rotated boxes as Gaussians of the same centre and direction, and how alike they are. Of sums of squares, so that
// nothing cancels near a perfect match; the sides are first divided by a power of two, so that no product of four
// leaves the range. For a double and for a register of doubles; ptdet/reference/rotated_gaussian.py is the same once
// more.
#pragma once

#include "math/overlap.h"
#include "math/rotated_box.h"

namespace ptdet {

// The power of two at or below a positive number; 1 below the normal numbers.
template <typename T>
PTDET_HD T power_below(T x) {
  const T found = bits_of<T>(bits_of<typename BitsOf<T>::type>(x) & 0x7ff0000000000000ull);
  return select(found > T(0.0), found, T(1.0));
}

// Of two boxes a and b: their sides, and the way from a to b along the sides of each, divided by `scale`. With the
// covariances S_a and S_b of variances w^2 and h^2, 4 area_a area_b + unlike is det(S_a + S_b), and `distance` is
// d^T adj(S_a + S_b) d.
template <typename T>
struct Gaussians {
  T scale, wa, ha, wb, hb, area_a, area_b;
  T cos, sin, ua, va, ub, vb;
  T wide, tall;  // wa hb - ha wb and wa wb - ha hb: 0 for boxes of one shape, and for such with the sides exchanged
  T unlike, determinant, distance;
};

template <typename T>
PTDET_HD Gaussians<T> gaussians(const RotatedBox<T>& a, const RotatedBox<T>& b) {
  const T longest = greatest_of(greatest_of(a.w, a.h), greatest_of(b.w, b.h));
  const T scale = power_below(longest), by = T(1.0) / scale;
  const Place<T> at = place_in_frame(b, a);
  const Direction<T> to = direction_in_frame(b, a);
  const T wa = a.w * by, ha = a.h * by, wb = b.w * by, hb = b.h * by, area_a = wa * ha, area_b = wb * hb;
  const T ua = at.x * by, va = at.y * by;
  const T ub = (at.dx * b.cos + at.dy * b.sin) * by, vb = (at.dy * b.cos - at.dx * b.sin) * by;
  const T wide = wa * hb - ha * wb, tall = wa * wb - ha * hb, more = area_a - area_b;
  const T across = to.cos * wide, along = to.sin * tall;
  const T unlike = more * more + (across * across + along * along);
  const T first = ha * ua, second = wa * va, third = hb * ub, fourth = wb * vb;
  return {scale,
          wa,
          ha,
          wb,
          hb,
          area_a,
          area_b,
          to.cos,
          to.sin,
          ua,
          va,
          ub,
          vb,
          wide,
          tall,
          unlike,
          T(4.0) * (area_a * area_b) + unlike,
          (first * first + second * second) + (third * third + fourth * fourth)};
}

// The box within so many standard deviations along x and y, and a little more: two such boxes that share no area are of
// Gaussians farther apart than that (cpu/prefilter.h). Without an end where a box is too thin for `determinant` to
// keep its digits.
template <typename T>
PTDET_HD Box<T> gaussian_bounds(const RotatedBox<T>& b, T sigmas) {
  const T longest = greatest_of(b.w, b.h), far(INFINITY), twelfth(1.0 / 12), outwards(1e-12), least(1e-140);
  const auto sound = b.area > least * (longest * longest);
  const auto reach = [=](T w, T h, T centre) __attribute__((always_inline)) {
    const T sides = sigmas * root(twelfth * (w * w + h * h));
    return select(sound, sides + outwards * (sides + magnitude(centre)) + least, far);
  };
  const T x = reach(b.w * b.cos, b.h * b.sin, b.cx), y = reach(b.w * b.sin, b.h * b.cos, b.cy);
  return {b.cx - x, b.cy - y, b.cx + x, b.cy + y};
}

// 0 where both boxes are finite, else NaN.
template <typename T>
PTDET_HD T soundness(const RotatedBox<T>& a, const RotatedBox<T>& b) {
  return (a.area - a.area) + (b.area - b.area);
}

// The Bhattacharyya coefficient of two Gaussians, and the distance of Hellinger, whose square is 1 less that.
template <typename T>
struct Alike {
  T coefficient, apart;
};

template <typename T>
PTDET_HD Alike<T> alike(const Gaussians<T>& g) {
  const T one(1.0), ratio = g.unlike / (T(4.0) * (g.area_a * g.area_b)), whole = one + ratio, by = root(whole);
  const T of_shape = one / by, shape_lost = select(ratio < one, ratio / (whole + by), one - of_shape);
  const Decayed<T> of_distance = decayed(T(3.0) * (g.distance / g.determinant));
  return {of_shape * of_distance.left, root(shape_lost + of_shape * of_distance.lost)};
}

// Murrugarra-Llerena et al., "Probabilistic Intersection-over-Union for Training and Evaluation of Oriented Object
// Detectors", IEEE TIP 2024: 1 less the distance of Hellinger, with variances w^2 / 12 and h^2 / 12. Above 0 for boxes
// apart.
struct Probiou : MeasureTraits<Probiou> {
  static constexpr Bound kBound = Bound::kGaussian;
  static constexpr bool kAboveZeroApart = true;
  template <typename T>
  PTDET_HD static T between(const RotatedBox<T>& a, const RotatedBox<T>& b) {
    const Alike<T> found = alike(gaussians(a, b));
    const T value = found.coefficient / (T(1.0) + found.apart), none(0.0);
    return select((a.area > none) & (b.area > none), value, none) + soundness(a, b);
  }
};

// Yang et al., "The KFIoU Loss for Rotated Object Detection", ICLR 2023: the overlap of the Gaussians' product, as if
// both had one centre. At most 1/3.
struct Kfiou : MeasureTraits<Kfiou> {
  static constexpr Bound kBound = Bound::kNone;
  static constexpr bool kAboveZeroApart = true;
  template <typename T>
  PTDET_HD static T between(const RotatedBox<T>& a, const RotatedBox<T>& b) {
    const Gaussians<T> g = gaussians(a, b);
    const T product = g.area_a * g.area_b, none(0.0);
    const T value = product / ((g.area_a + g.area_b) * root(g.determinant) - product);
    return select((a.area > none) & (b.area > none), value, none) + soundness(a, b);
  }
};

}  // namespace ptdet

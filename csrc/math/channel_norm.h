// The norm over the channels of one pixel, and its gradient (docs/SPEC.md, section 5). A degree is a small struct; x
// is an input, n the norm, g the gradient that arrives.
#pragma once

#include <cfloat>

#include "math/half.h"
#include "math/elementary.h"

namespace ptdet {

PTDET_HD float absolute(float x) { return fabsf(x); }
PTDET_HD double absolute(double x) { return fabs(x); }
PTDET_HD float square_root(float x) { return sqrtf(x); }
PTDET_HD double square_root(double x) { return sqrt(x); }

template <typename T>
PTDET_HD T sign(T x) {
  return x > T(0) ? T(1) : x < T(0) ? T(-1) : T(0);  // of NaN 0, as torch.sgn says
}

template <typename T>
struct Range;
template <>
struct Range<float> {
  static constexpr float kSmallest = FLT_MIN, kLargest = FLT_MAX;
  // A sum not below it has lost nothing that counts to terms that underflow: 2^-80.
  static constexpr float kLeastSum = 8.271806125530277e-25f;
  static constexpr float kMiddle = 1.073741824e9f;       // 2^30: squares of what lies within it hold
  static constexpr float kFar = 1.2676506002282294e30f;  // 2^100
};
template <>
struct Range<double> {
  static constexpr double kSmallest = DBL_MIN, kLargest = DBL_MAX;
  static constexpr double kLeastSum = 1.1830521861667747e-271;  // 2^-900
  static constexpr double kMiddle = 2.037035976334486e90;       // 2^300
  static constexpr double kFar = 5.260135901548374e210;         // 2^700
};

// The smallest normal and the largest number of a type that numbers are stored in.
template <typename Stored>
struct RangeOf : Range<Stored> {};
template <>
struct RangeOf<Float16> {
  static constexpr float kSmallest = 6.103515625e-05f, kLargest = 65504.0f;
};
template <>
struct RangeOf<BFloat16> {
  static constexpr float kSmallest = FLT_MIN, kLargest = 3.3895313892515355e38f;
};

// [docs: degrees]
// A degree says what a channel adds to a sum, how two sums join, and what the norm is of the sum. kScales: the sum may
// overflow or underflow although the norm does not; then x is divided by divisor(largest |x|) first, and the norm
// multiplied by it.
template <typename T>
struct Manhattan {
  static constexpr bool kScales = false;
  PTDET_HD T add(T sum, T a) const { return sum + a; }
  PTDET_HD T join(T sum, T other) const { return sum + other; }
  PTDET_HD T root(T sum) const { return sum; }
};

template <typename T>
struct Euclidean {
  static constexpr bool kScales = true;
  PTDET_HD T add(T sum, T a) const { return sum + a * a; }
  PTDET_HD T join(T sum, T other) const { return sum + other; }
  PTDET_HD T root(T sum) const { return square_root(sum); }
  // A power of two, so that dividing rounds nothing.
  PTDET_HD T divisor(T largest) const {
    const T up = largest > Range<T>::kMiddle ? Range<T>::kFar : T(1);
    return largest < T(1) / Range<T>::kMiddle ? T(1) / Range<T>::kFar : up;
  }
};

template <typename T>
struct Largest {
  static constexpr bool kScales = false;
  PTDET_HD T add(T largest, T a) const { return ((a > largest) | (a != a)) ? a : largest; }  // a NaN stays
  PTDET_HD T join(T largest, T other) const { return add(largest, other); }
  PTDET_HD T root(T largest) const { return largest; }
};

// Any other p > 0; T is double, because a root of a small degree magnifies what its sum has rounded.
template <typename T>
struct AnyDegree {
  static constexpr bool kScales = true;
  T p;
  PTDET_HD T add(T sum, T a) const { return sum + power(a, p); }
  PTDET_HD T join(T sum, T other) const { return sum + other; }
  PTDET_HD T root(T sum) const { return power(sum, 1.0 / p); }
  PTDET_HD T divisor(T largest) const { return ((largest > T(0)) & (largest <= Range<T>::kLargest)) ? largest : T(1); }
};

template <typename T>
PTDET_HD bool sum_holds(T sum) {
  return (sum >= Range<T>::kLeastSum) & (sum <= Range<T>::kLargest);
}
// [docs: end]

// A pixel's norm as a product that may itself be out of range.
template <typename T>
struct ScaledNorm {
  T divisor, root;
};

// x = read(c) for each channel.
template <typename T, typename Degree, typename Read>
PTDET_HD ScaledNorm<T> scaled_norm(const Degree& degree, int64_t channels, const Read& read) {
  T largest = T(0);
  PTDET_ROLLED
  for (int64_t c = 0; c < channels; ++c) largest = Largest<T>().add(largest, absolute(read(c)));
  const T divisor = degree.divisor(largest);
  T sum = T(0);
  PTDET_ROLLED
  for (int64_t c = 0; c < channels; ++c) sum = degree.add(sum, absolute(read(c)) / divisor);
  return {divisor, degree.root(sum)};
}

// [docs: slopes]
// Can x (g / n) stand for the gradient of degree 2, with a norm that was rounded to a type of this range? 1 or 0, for
// loops without branches.
template <typename Range, typename T>
PTDET_HD int norm_holds(T n) {
  return (n >= T(Range::kSmallest)) & (n <= T(Range::kLargest));
}
template <typename T>
PTDET_HD int factor_holds(T factor, T g) {
  const T size = absolute(factor);
  return ((size >= Range<T>::kSmallest) & (size <= Range<T>::kLargest)) | (g == T(0));
}

// The gradient of degree 2 where it can not: r = x / n is within [-1, 1].
PTDET_HD double euclidean_slope(double x, const ScaledNorm<double>& norm, double g) {
  return x / norm.divisor / norm.root * g;
}

// The gradient of any degree, for r = x / n.
PTDET_HD double any_slope(double r, double p, double g) {
  const double slope = sign(r) * power(absolute(r), p - 1.0) * g;
  return r == 0.0 ? 0.0 : slope;
}
// [docs: end]

// Where the element of an index lies: index counts through dims of these sizes, the last innermost.
PTDET_HD int64_t offset_of(int64_t index, int dims, const int64_t* size, const int64_t* stride) {
  int64_t offset = 0;
  PTDET_ROLLED
  for (int d = dims - 1; d > 0; --d) {
    offset += index % size[d] * stride[d];
    index /= size[d];
  }
  return dims > 0 ? offset + index * stride[0] : offset;
}

}  // namespace ptdet

// One pixel, or as many side by side as 16 bytes hold, to a thread; and pixels to the lanes of part of a warp.
#pragma once

#include "math/channel_norm.h"
#include "api/channel_norm.h"
#include "cuda/wide_numbers.h"

namespace ptdet::cuda {

// The arrays of a call. `slope` and `grad` belong to the backward pass.
struct PixelCall {
  PixelShape shape;
  int64_t pixels;
  PixelArray input, norm, grad, slope;
  int lane_bits;  // 2 to this power lanes of a warp share a pixel
};

template <typename Stored>
__device__ inline Stored* pixel_of(const PixelCall& call, const PixelArray& array, int64_t pixel) {
  return static_cast<Stored*>(array.data) + offset_of(pixel, call.shape.dims, call.shape.size, array.stride);
}

// The numbers of one pixel, for the paths that take them one by one.
template <typename Stored, typename T>
struct Channels {
  const Stored* x;
  int64_t stride;
  __device__ T operator()(int64_t c) const { return static_cast<T>(x[c * stride]); }
};

template <template <typename> class Degree, typename T>
__device__ inline Degree<double> in_double(const Degree<T>&) {
  return {};
}
__device__ inline AnyDegree<double> in_double(const AnyDegree<double>& degree) { return degree; }

template <typename Degree, typename Stored>
__device__ inline double norm_again(const Degree& degree, int64_t channels, const Stored* x, int64_t stride) {
  const auto norm = scaled_norm<double>(in_double(degree), channels, Channels<Stored, double>{x, stride});
  return norm.divisor * norm.root;
}

// What the slopes of a pixel need, worked out once; then of(x) for each channel.
template <typename Stored, typename Degree>
struct PixelSlopes;

template <typename Stored, typename T>
struct PixelSlopes<Stored, Manhattan<T>> {
  T factor;
  PixelSlopes() = default;
  __device__ PixelSlopes(const Manhattan<T>&, T, T g) : factor(g) {}
  __device__ PixelSlopes of_lane(int lane) const {
    PixelSlopes other = *this;
    other.factor = __shfl_sync(kAllLanes, factor, lane);
    return other;
  }
  __device__ T of(T x) const { return sign(x) * factor; }
};

template <typename Stored, typename T>
struct PixelSlopes<Stored, Largest<T>> {
  T norm, factor;
  PixelSlopes() = default;
  __device__ PixelSlopes(const Largest<T>&, T n, T g) : norm(n), factor(g) {}
  __device__ PixelSlopes of_lane(int lane) const {
    PixelSlopes other = *this;
    other.norm = __shfl_sync(kAllLanes, norm, lane);
    other.factor = __shfl_sync(kAllLanes, factor, lane);
    return other;
  }
  __device__ bool counts(T x) const { return (absolute(x) == norm) | (x != x); }
  template <typename Count>
  __device__ void share_among(Count count) {
    factor = factor / static_cast<T>(count);
  }
  __device__ T of(T x) const { return counts(x) ? sign(x) * factor : T(0); }
};

template <typename Stored, typename T>
struct PixelSlopes<Stored, Euclidean<T>> {
  T factor;
  bool holds;
  PixelSlopes() = default;
  __device__ PixelSlopes(const Euclidean<T>&, T n, T g) {
    const T quotient = g / n;
    factor = n == T(0) ? T(0) : quotient;
    holds = (n == T(0)) | (norm_holds<RangeOf<Stored>>(n) & factor_holds(quotient, g));
  }
  // `holds` stays this lane's own: who needs it of others takes a vote.
  __device__ PixelSlopes of_lane(int lane) const {
    PixelSlopes other = *this;
    other.factor = __shfl_sync(kAllLanes, factor, lane);
    return other;
  }
  __device__ T of(T x) const { return x * factor; }
};

template <typename Stored>
struct PixelSlopes<Stored, AnyDegree<double>> {  // for one pixel a thread only
  double p, norm, g;
  bool holds;
  PixelSlopes() = default;
  __device__ PixelSlopes(const AnyDegree<double>& degree, double n, double grad)
      : p(degree.p), norm(n == 0.0 ? 1.0 : n), g(grad), holds((n == 0.0) | norm_holds<RangeOf<Stored>>(n)) {}
  __device__ double of(double x) const { return any_slope(x / norm, p, g); }
};

// The slope where the above does not hold: from the norm, worked out again.
template <typename T>
__device__ inline double scaled_slope(const Euclidean<T>&, double x, const ScaledNorm<double>& norm, double g) {
  return euclidean_slope(x, norm, g);
}
__device__ inline double scaled_slope(const AnyDegree<double>& degree, double x, const ScaledNorm<double>& norm,
                                      double g) {
  return any_slope(x / norm.divisor / norm.root, degree.p, g);
}

}  // namespace ptdet::cuda

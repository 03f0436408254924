// The norm over channels and its gradient. A thread takes a pixel, or as many side by side as 16 bytes hold; where the
// channels lie side by side, the lanes of part of a warp take a pixel. What does not hold (overflow) is done again.
#include "cuda/channel_norm.h"
#include "api/dispatch.h"

namespace ptdet::cuda {
namespace {

// [docs: cuda]
template <typename Stored, typename T, int kWide, typename Degree>
__global__ void norm_of_pixels(PixelCall call, Degree degree) {
  const int64_t pixel = thread_in_grid() * kWide;
  if (pixel >= call.pixels) return;
  const Stored* x = pixel_of<const Stored>(call, call.input, pixel);
  Stored* norm = pixel_of<Stored>(call, call.norm, pixel);
  const int64_t stride = call.input.channel_stride;
  T sums[kWide] = {};
  for (int64_t c = 0; c < call.shape.channels; ++c) {
    const auto numbers = load_wide<kWide>(x + c * stride);
    for (int k = 0; k < kWide; ++k) sums[k] = degree.add(sums[k], absolute(static_cast<T>(numbers.number[k])));
  }
  WideNumbers<Stored, kWide> norms;
  uint32_t again = 0;
  for (int k = 0; k < kWide; ++k) {
    norms.number[k] = stored_as<Stored>(degree.root(sums[k]));
    if constexpr (Degree::kScales) again |= static_cast<uint32_t>(!sum_holds(sums[k])) << k;
  }
  store_wide(norms, norm);
  if constexpr (Degree::kScales)
    for (; again != 0; again &= again - 1) {
      const int k = __ffs(static_cast<int>(again)) - 1;
      norm[k] = stored_as<Stored>(norm_again(degree, call.shape.channels, x + k, stride));
    }
}
// [docs: end]

template <typename Stored, typename T, int kWide, typename Degree>
__global__ void slope_of_pixels(PixelCall call, Degree degree) {
  using Slope = PixelSlopes<Stored, Degree>;
  const int64_t pixel = thread_in_grid() * kWide;
  if (pixel >= call.pixels) return;
  const Stored* x = pixel_of<const Stored>(call, call.input, pixel);
  const Stored* norm = pixel_of<const Stored>(call, call.norm, pixel);
  const Stored* grad = pixel_of<const Stored>(call, call.grad, pixel);
  Stored* to = pixel_of<Stored>(call, call.slope, pixel);
  const int64_t channels = call.shape.channels, stride = call.input.channel_stride;
  const auto norms = load_wide<kWide>(norm), grads = load_wide<kWide>(grad);
  Slope slopes[kWide];
  uint32_t again = 0;
  for (int k = 0; k < kWide; ++k) {
    slopes[k] = Slope(degree, static_cast<T>(norms.number[k]), static_cast<T>(grads.number[k]));
    if constexpr (Degree::kScales) again |= static_cast<uint32_t>(!slopes[k].holds) << k;
  }
  if constexpr (std::is_same<Degree, Largest<T>>::value) {
    int64_t counts[kWide] = {};
    for (int64_t c = 0; c < channels; ++c) {
      const auto numbers = load_wide<kWide>(x + c * stride);
      for (int k = 0; k < kWide; ++k) counts[k] += slopes[k].counts(static_cast<T>(numbers.number[k]));
    }
    for (int k = 0; k < kWide; ++k) slopes[k].share_among(counts[k]);
  }
  for (int64_t c = 0; c < channels; ++c) {
    const auto numbers = load_wide<kWide>(x + c * stride);
    WideNumbers<Stored, kWide> result;
    for (int k = 0; k < kWide; ++k)
      result.number[k] = stored_as<Stored>(slopes[k].of(static_cast<T>(numbers.number[k])));
    store_wide(result, to + c * call.slope.channel_stride);
  }
  if constexpr (Degree::kScales)
    for (; again != 0; again &= again - 1) {
      const int k = __ffs(static_cast<int>(again)) - 1;
      const Channels<Stored, double> read{x + k, stride};
      const auto scaled = scaled_norm<double>(in_double(degree), channels, read);
      const double g = static_cast<double>(grad[k]);
      PTDET_ROLLED
      for (int64_t c = 0; c < channels; ++c)
        to[k + c * call.slope.channel_stride] = stored_as<Stored>(scaled_slope(degree, read(c), scaled, g));
    }
}

// A lane's share of a pixel whose channels lie side by side.
struct Lane {
  int64_t pixel;
  int lane;
  bool valid;  // lanes beyond the last pixel join the shuffles
  __device__ explicit Lane(const PixelCall& call)
      : pixel(thread_in_grid() / call.lanes), lane(static_cast<int>(threadIdx.x) % call.lanes) {
    valid = pixel < call.pixels;
    if (!valid) pixel = 0;
  }
};

template <typename V, typename Join>
__device__ V over_lanes(V value, int lanes, const Join& join) {
  const int self = static_cast<int>(threadIdx.x) % kWarp;
  for (int step = lanes / 2; step > 0; step /= 2) value = join(value, __shfl_sync(kAllLanes, value, self ^ step));
  return value;
}

template <typename Stored, typename T, int kWide, typename Degree>
__global__ void norm_of_rows(PixelCall call, Degree degree) {
  const Lane own(call);
  const Stored* x = pixel_of<const Stored>(call, call.input, own.pixel);
  const int64_t end = own.valid ? call.shape.channels : 0;
  T sum = T(0);
  for (int64_t c = own.lane * kWide; c < end; c += call.lanes * kWide) {
    const auto numbers = load_wide<kWide>(x + c);
    for (int k = 0; k < kWide; ++k) sum = degree.add(sum, absolute(static_cast<T>(numbers.number[k])));
  }
  sum = over_lanes(sum, call.lanes, [&](T a, T b) { return degree.join(a, b); });
  if (!own.valid || own.lane != 0) return;
  Stored* norm = pixel_of<Stored>(call, call.norm, own.pixel);
  *norm = stored_as<Stored>(degree.root(sum));
  if constexpr (Degree::kScales)
    if (!sum_holds(sum)) *norm = stored_as<Stored>(norm_again(degree, call.shape.channels, x, 1));
}

template <typename Stored, typename T, int kWide, typename Degree>
__global__ void slope_of_rows(PixelCall call, Degree degree) {
  const Lane own(call);
  const Stored* x = pixel_of<const Stored>(call, call.input, own.pixel);
  Stored* to = pixel_of<Stored>(call, call.slope, own.pixel);
  const T norm = static_cast<T>(*pixel_of<const Stored>(call, call.norm, own.pixel));
  const T g = static_cast<T>(*pixel_of<const Stored>(call, call.grad, own.pixel));
  const int64_t end = own.valid ? call.shape.channels : 0;
  PixelSlopes<Stored, Degree> slope(degree, norm, g);
  if constexpr (std::is_same<Degree, Largest<T>>::value) {
    int64_t count = 0;
    for (int64_t c = own.lane * kWide; c < end; c += call.lanes * kWide) {
      const auto numbers = load_wide<kWide>(x + c);
      for (int k = 0; k < kWide; ++k) count += slope.counts(static_cast<T>(numbers.number[k]));
    }
    slope.share_among(over_lanes(count, call.lanes, [](int64_t a, int64_t b) { return a + b; }));
  }
  if constexpr (Degree::kScales)
    if (own.valid && !slope.holds) {
      const Channels<Stored, double> read{x, 1};
      const auto scaled = scaled_norm<double>(in_double(degree), end, read);
      PTDET_ROLLED
      for (int64_t c = own.lane; c < end; c += call.lanes)
        to[c] = stored_as<Stored>(scaled_slope(degree, read(c), scaled, g));
      return;
    }
  for (int64_t c = own.lane * kWide; c < end; c += call.lanes * kWide) {
    const auto numbers = load_wide<kWide>(x + c);
    WideNumbers<Stored, kWide> result;
    for (int k = 0; k < kWide; ++k) result.number[k] = stored_as<Stored>(slope.of(static_cast<T>(numbers.number[k])));
    store_wide(result, to + c);
  }
}

// Do packs of `wide` numbers along the innermost pixels, or along the channels, never straddle an end or an alignment?
bool packs_fit(const PixelShape& shape, const PixelArray& array, int64_t wide, bool along_channels) {
  bool fit = reinterpret_cast<uintptr_t>(array.data) % 16 == 0;
  const int inner = along_channels ? -1 : shape.dims - 1;
  if (!along_channels) fit = fit && inner >= 0 && array.stride[inner] == 1 && shape.size[inner] % wide == 0;
  for (int d = 0; d < shape.dims; ++d) fit = fit && (d == inner || array.stride[d] % wide == 0);
  if (along_channels) return fit && shape.channels % wide == 0;
  return fit && (shape.channels == 1 || array.channel_stride % wide == 0);
}

// The arrays that a forward pass has not are given as those it has, so that one plan serves both.
PixelCall call_of(const PixelShape& shape, const PixelArray& input, const PixelArray& norm, const PixelArray& grad,
                  const PixelArray& slope) {
  PixelCall call{shape, 1, input, norm, grad, slope, 1};
  call.norm.channel_stride = call.grad.channel_stride = 0;
  for (int d = 0; d < shape.dims; ++d) call.pixels *= shape.size[d];
  return call;
}

template <typename Degree>
using Kernel = void (*)(PixelCall, Degree);

template <typename Degree>
struct Kernels {
  Kernel<Degree> pixels, wide_pixels, rows, wide_rows;
};

template <typename Degree>
void launch(PixelCall call, const Degree& degree, const Kernels<Degree>& kernels, int wide, void* stream) {
  constexpr int64_t kManyChannels = 16;  // with fewer, neighbouring threads share the lines they read anyway
  const PixelShape& shape = call.shape;
  Kernel<Degree> kernel = kernels.pixels;
  int64_t threads = call.pixels;
  if (shape.channels >= kManyChannels && call.input.channel_stride == 1 && call.slope.channel_stride == 1) {
    const bool fit = packs_fit(shape, call.input, wide, true) && packs_fit(shape, call.slope, wide, true);
    kernel = fit ? kernels.wide_rows : kernels.rows;
    while (call.lanes < kWarp && call.lanes * (fit ? wide : 1) < shape.channels) call.lanes *= 2;
    threads = call.pixels * call.lanes;
  } else if (packs_fit(shape, call.input, wide, false) && packs_fit(shape, call.slope, wide, false) &&
             packs_fit(shape, call.norm, wide, false) && packs_fit(shape, call.grad, wide, false)) {
    kernel = kernels.wide_pixels;
    threads = call.pixels / wide;
  }
  LAUNCH(kernel, blocks_for(threads, kBlock), kBlock, stream, call, degree);
}

template <typename Stored, typename T, typename Degree>
void launch_forward(const PixelCall& call, const Degree& degree, void* stream) {
  constexpr int kWide = kPerLoad<Stored>;
  launch<Degree>(call, degree,
                 {norm_of_pixels<Stored, T, 1, Degree>, norm_of_pixels<Stored, T, kWide, Degree>,
                  norm_of_rows<Stored, T, 1, Degree>, norm_of_rows<Stored, T, kWide, Degree>},
                 kWide, stream);
}

template <typename Stored, typename T, typename Degree>
void launch_backward(const PixelCall& call, const Degree& degree, void* stream) {
  constexpr int kWide = kPerLoad<Stored>;
  launch<Degree>(call, degree,
                 {slope_of_pixels<Stored, T, 1, Degree>, slope_of_pixels<Stored, T, kWide, Degree>,
                  slope_of_rows<Stored, T, 1, Degree>, slope_of_rows<Stored, T, kWide, Degree>},
                 kWide, stream);
}

// pow bounds these, not memory: one pixel a thread, whatever the layout.
template <typename Stored, typename>
void launch_forward(const PixelCall& call, const AnyDegree<double>& degree, void* stream) {
  const auto kernel = norm_of_pixels<Stored, double, 1, AnyDegree<double>>;
  LAUNCH(kernel, blocks_for(call.pixels, kBlock), kBlock, stream, call, degree);
}
template <typename Stored, typename>
void launch_backward(const PixelCall& call, const AnyDegree<double>& degree, void* stream) {
  const auto kernel = slope_of_pixels<Stored, double, 1, AnyDegree<double>>;
  LAUNCH(kernel, blocks_for(call.pixels, kBlock), kBlock, stream, call, degree);
}

}  // namespace

void channel_norm(const PixelShape& shape, const PixelArray& input, const PixelArray& norm, double degree,
                  void* stream) {
  const PixelCall call = call_of(shape, input, norm, norm, input);
  if (call.pixels == 0) return;
  with_stored(shape.type, [&](auto stored, auto computed) {
    using T = decltype(computed);
    with_degree<T>(degree, [&](auto d) { launch_forward<decltype(stored), T>(call, d, stream); });
  });
}

void channel_norm_backward(const PixelShape& shape, const PixelArray& grad, const PixelArray& input,
                           const PixelArray& norm, double degree, const PixelArray& slope, void* stream) {
  const PixelCall call = call_of(shape, input, norm, grad, slope);
  if (call.pixels == 0) return;
  with_stored(shape.type, [&](auto stored, auto computed) {
    using T = decltype(computed);
    with_degree<T>(degree, [&](auto d) { launch_backward<decltype(stored), T>(call, d, stream); });
  });
}

}  // namespace ptdet::cuda

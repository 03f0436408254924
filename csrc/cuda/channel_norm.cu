// The norm over channels and its gradient. A thread takes a pixel, or as many side by side as 16 bytes hold; where the
// channels lie side by side, the lanes of part of a warp take a pixel, or four. What does not hold (overflow) is done
// again.
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
  int lanes, lane;
  bool valid;  // lanes beyond the last pixel join the shuffles
  __device__ explicit Lane(const PixelCall& call)
      : pixel(thread_in_grid() >> call.lane_bits),
        lanes(1 << call.lane_bits),
        lane(static_cast<int>(threadIdx.x) & (lanes - 1)) {
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
  for (int64_t c = own.lane * kWide; c < end; c += own.lanes * kWide) {
    const auto numbers = load_wide<kWide>(x + c);
    for (int k = 0; k < kWide; ++k) sum = degree.add(sum, absolute(static_cast<T>(numbers.number[k])));
  }
  sum = over_lanes(sum, own.lanes, [&](T a, T b) { return degree.join(a, b); });
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
    for (int64_t c = own.lane * kWide; c < end; c += own.lanes * kWide) {
      const auto numbers = load_wide<kWide>(x + c);
      for (int k = 0; k < kWide; ++k) count += slope.counts(static_cast<T>(numbers.number[k]));
    }
    slope.share_among(over_lanes(count, own.lanes, [](int64_t a, int64_t b) { return a + b; }));
  }
  if constexpr (Degree::kScales)
    if (own.valid && !slope.holds) {
      const Channels<Stored, double> read{x, 1};
      const auto scaled = scaled_norm<double>(in_double(degree), end, read);
      PTDET_ROLLED
      for (int64_t c = own.lane; c < end; c += own.lanes)
        to[c] = stored_as<Stored>(scaled_slope(degree, read(c), scaled, g));
      return;
    }
  for (int64_t c = own.lane * kWide; c < end; c += own.lanes * kWide) {
    const auto numbers = load_wide<kWide>(x + c);
    WideNumbers<Stored, kWide> result;
    for (int k = 0; k < kWide; ++k) result.number[k] = stored_as<Stored>(slope.of(static_cast<T>(numbers.number[k])));
    store_wide(result, to + c);
  }
}

// The lanes that share a pixel where the pixels follow each other at one distance and the channels come in whole packs:
// they take four pixels, so that four loads a lane are on their way, and all indices fit 32 bits. Of the four, what is
// worked out once a pixel belongs to the lane whose lowest two bits are its number.
constexpr int kPixelsAtOnce = 4;

struct LaneGroup {
  uint32_t first, apart;  // the pixels: first, first + apart, ...
  uint32_t last;          // those beyond it stand for it, but nothing is written to them
  int lane, lanes;

  __device__ explicit LaneGroup(const PixelCall& call)
      : last(static_cast<uint32_t>(call.pixels) - 1), lanes(1 << call.lane_bits) {
    const uint32_t in_warp = threadIdx.x % kWarp, warp = blockIdx.x * (blockDim.x / kWarp) + threadIdx.x / kWarp;
    apart = kWarp >> call.lane_bits;
    first = warp * (kPixelsAtOnce * apart) + (in_warp >> call.lane_bits);
    lane = static_cast<int>(in_warp) & (lanes - 1);
  }
  __device__ uint32_t pixel(int k) const { return first + static_cast<uint32_t>(k) * apart; }
  __device__ bool has(uint32_t pixel) const { return pixel <= last; }
  __device__ uint32_t within(uint32_t pixel) const { return pixel < last ? pixel : last; }
  __device__ int own() const { return lane % kPixelsAtOnce; }
  // The lane of the warp to whom pixel k belongs, among the four that this one is of.
  __device__ int owner(int k) const { return (static_cast<int>(threadIdx.x) % kWarp & ~(kPixelsAtOnce - 1)) + k; }
};

template <typename Stored>
__device__ inline Stored* row_of(const PixelArray& array, uint32_t pixel) {
  const uint32_t bytes = static_cast<uint32_t>(array.stride[0] * static_cast<int64_t>(sizeof(Stored)));
  return reinterpret_cast<Stored*>(static_cast<char*>(array.data) + static_cast<uint64_t>(pixel) * bytes);
}

// Over the lanes of a group: the join of what each has of the pixel that is the lane's own.
template <typename V, typename Join>
__device__ V over_group(const V (&of)[kPixelsAtOnce], const LaneGroup& group, const Join& join) {
  const int self = static_cast<int>(threadIdx.x) % kWarp;
  const bool odd = (self & 1) != 0, upper = (self & 2) != 0;
  const V low = join(odd ? of[1] : of[0], __shfl_sync(kAllLanes, odd ? of[0] : of[1], self ^ 1));
  const V high = join(odd ? of[3] : of[2], __shfl_sync(kAllLanes, odd ? of[2] : of[3], self ^ 1));
  V own = join(upper ? high : low, __shfl_sync(kAllLanes, upper ? low : high, self ^ 2));
  PTDET_ROLLED
  for (int step = kPixelsAtOnce; step < group.lanes; step *= 2)
    own = join(own, __shfl_sync(kAllLanes, own, self ^ step));
  return own;
}

template <typename Stored, typename T, int kWide, typename Degree>
__global__ void norm_of_joined_rows(PixelCall call, Degree degree) {
  const LaneGroup group(call);
  const uint32_t channels = static_cast<uint32_t>(call.shape.channels);
  const uint32_t begin = static_cast<uint32_t>(group.lane * kWide);
  const Stored* x[kPixelsAtOnce];
  for (int k = 0; k < kPixelsAtOnce; ++k) x[k] = row_of<const Stored>(call.input, group.within(group.pixel(k))) + begin;
  T sums[kPixelsAtOnce] = {};
  PTDET_ROLLED
  for (uint32_t c = begin; c < channels; c += static_cast<uint32_t>(group.lanes * kWide)) {
    WideNumbers<Stored, kWide> numbers[kPixelsAtOnce];
    for (int k = 0; k < kPixelsAtOnce; ++k) {
      numbers[k] = load_wide<kWide>(x[k]);
      x[k] += group.lanes * kWide;
    }
    for (int k = 0; k < kPixelsAtOnce; ++k)
      for (int i = 0; i < kWide; ++i) sums[k] = degree.add(sums[k], absolute(static_cast<T>(numbers[k].number[i])));
  }
  const T sum = over_group(sums, group, [&](T a, T b) { return degree.join(a, b); });
  const uint32_t pixel = group.pixel(group.own());
  if (group.lane >= kPixelsAtOnce || !group.has(pixel)) return;
  Stored* norm = row_of<Stored>(call.norm, pixel);
  *norm = stored_as<Stored>(degree.root(sum));
  if constexpr (Degree::kScales)
    if (!sum_holds(sum))
      *norm = stored_as<Stored>(
          norm_again(degree, call.shape.channels, row_of<const Stored>(call.input, pixel), int64_t(1)));
}

template <typename Stored, typename T, int kWide, typename Degree>
__global__ void slope_of_joined_rows(PixelCall call, Degree degree) {
  using Slope = PixelSlopes<Stored, Degree>;
  const LaneGroup group(call);
  const uint32_t channels = static_cast<uint32_t>(call.shape.channels);
  const uint32_t begin = static_cast<uint32_t>(group.lane * kWide);
  const uint32_t step = static_cast<uint32_t>(group.lanes * kWide);
  const uint32_t own_pixel = group.within(group.pixel(group.own()));
  const Stored own_norm = *row_of<const Stored>(call.norm, own_pixel);
  const Stored own_grad = *row_of<const Stored>(call.grad, own_pixel);
  Slope own(degree, static_cast<T>(own_norm), static_cast<T>(own_grad));
  const Stored* x[kPixelsAtOnce];
  Stored* to[kPixelsAtOnce];
  for (int k = 0; k < kPixelsAtOnce; ++k) {
    x[k] = row_of<const Stored>(call.input, group.within(group.pixel(k))) + begin;
    to[k] = row_of<Stored>(call.slope, group.within(group.pixel(k))) + begin;
  }
  Slope slopes[kPixelsAtOnce];
  if constexpr (std::is_same<Degree, Largest<T>>::value) {
    uint32_t counts[kPixelsAtOnce] = {};
    for (int k = 0; k < kPixelsAtOnce; ++k) slopes[k] = own.of_lane(group.owner(k));
    PTDET_ROLLED
    for (uint32_t c = begin; c < channels; c += step) {
      WideNumbers<Stored, kWide> numbers[kPixelsAtOnce];
      for (int k = 0; k < kPixelsAtOnce; ++k) numbers[k] = load_wide<kWide>(x[k] + (c - begin));
      for (int k = 0; k < kPixelsAtOnce; ++k)
        for (int i = 0; i < kWide; ++i) counts[k] += slopes[k].counts(static_cast<T>(numbers[k].number[i]));
    }
    own.share_among(over_group(counts, group, [](uint32_t a, uint32_t b) { return a + b; }));
  }
  for (int k = 0; k < kPixelsAtOnce; ++k) slopes[k] = own.of_lane(group.owner(k));
  PTDET_ROLLED
  for (uint32_t c = begin; c < channels; c += step) {
    WideNumbers<Stored, kWide> numbers[kPixelsAtOnce];
    for (int k = 0; k < kPixelsAtOnce; ++k) {
      numbers[k] = load_wide<kWide>(x[k]);
      x[k] += step;
    }
    for (int k = 0; k < kPixelsAtOnce; ++k) {
      for (int i = 0; i < kWide; ++i)
        numbers[k].number[i] = stored_as<Stored>(slopes[k].of(static_cast<T>(numbers[k].number[i])));
      if (group.has(group.pixel(k))) store_wide(numbers[k], to[k]);
      to[k] += step;
    }
  }
  if constexpr (Degree::kScales) {  // each lane writes once more what it has written
    const uint32_t again = __ballot_sync(kAllLanes, !own.holds) >> group.owner(0) & ((1u << kPixelsAtOnce) - 1);
    PTDET_ROLLED
    for (uint32_t left = again; left != 0; left &= left - 1) {
      const int k = __ffs(static_cast<int>(left)) - 1;
      const uint32_t pixel = group.pixel(k);
      if (!group.has(pixel)) continue;
      const Channels<Stored, double> read{row_of<const Stored>(call.input, pixel), 1};
      const auto scaled = scaled_norm<double>(in_double(degree), call.shape.channels, read);
      const double g = static_cast<double>(*row_of<const Stored>(call.grad, pixel));
      Stored* slope = row_of<Stored>(call.slope, pixel);
      PTDET_ROLLED
      for (uint32_t c = begin; c < channels; c += step) PTDET_ROLLED
      for (uint32_t i = c; i < c + kWide; ++i) slope[i] = stored_as<Stored>(scaled_slope(degree, read(i), scaled, g));
    }
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

// Do the joined rows' indices fit? Of pixels that follow each other at one distance, in each array.
bool are_joined(const PixelCall& call) {
  constexpr int64_t kMost = int64_t(1) << 30;
  bool fit = call.shape.dims <= 1 && call.pixels <= kMost && call.shape.channels <= kMost;
  const PixelArray* const arrays[] = {&call.input, &call.norm, &call.grad, &call.slope};
  for (const PixelArray* array : arrays)
    fit = fit && array->stride[0] >= 0 && array->stride[0] < kMost / 2;  // bytes, of numbers of at most 8
  return fit;
}

// The arrays that a forward pass has not are given as those it has, so that one plan serves both.
PixelCall call_of(const PixelShape& shape, const PixelArray& input, const PixelArray& norm, const PixelArray& grad,
                  const PixelArray& slope) {
  PixelCall call{shape, 1, input, norm, grad, slope, 0};
  call.norm.channel_stride = call.grad.channel_stride = 0;
  for (int d = 0; d < shape.dims; ++d) call.pixels *= shape.size[d];
  return call;
}

template <typename Degree>
using Kernel = void (*)(PixelCall, Degree);

template <typename Degree>
struct Kernels {
  Kernel<Degree> pixels, wide_pixels, rows, wide_rows, joined_rows;
};

template <typename Degree>
void launch(PixelCall call, const Degree& degree, const Kernels<Degree>& kernels, int wide, void* stream) {
  constexpr int64_t kManyChannels = 16;  // with fewer, neighbouring threads share the lines they read anyway
  const PixelShape& shape = call.shape;
  Kernel<Degree> kernel = kernels.pixels;
  int64_t threads = call.pixels;
  if (shape.channels >= kManyChannels && call.input.channel_stride == 1 && call.slope.channel_stride == 1) {
    const bool fit = packs_fit(shape, call.input, wide, true) && packs_fit(shape, call.slope, wide, true);
    const bool joined = fit && are_joined(call);
    kernel = joined ? kernels.joined_rows : fit ? kernels.wide_rows : kernels.rows;
    int lanes = joined ? kPixelsAtOnce : 1;
    while (lanes < kWarp && lanes * (fit ? wide : 1) < shape.channels) lanes *= 2;
    while (1 << call.lane_bits < lanes) ++call.lane_bits;
    const int64_t a_warp = kPixelsAtOnce * kWarp / lanes;  // pixels, where they are joined
    threads = joined ? blocks_for(call.pixels, a_warp) * kWarp : call.pixels * lanes;
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
                  norm_of_rows<Stored, T, 1, Degree>, norm_of_rows<Stored, T, kWide, Degree>,
                  norm_of_joined_rows<Stored, T, kWide, Degree>},
                 kWide, stream);
}

template <typename Stored, typename T, typename Degree>
void launch_backward(const PixelCall& call, const Degree& degree, void* stream) {
  constexpr int kWide = kPerLoad<Stored>;
  launch<Degree>(call, degree,
                 {slope_of_pixels<Stored, T, 1, Degree>, slope_of_pixels<Stored, T, kWide, Degree>,
                  slope_of_rows<Stored, T, 1, Degree>, slope_of_rows<Stored, T, kWide, Degree>,
                  slope_of_joined_rows<Stored, T, kWide, Degree>},
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

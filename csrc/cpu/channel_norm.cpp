// The norm over channels: pixels are cut into runs along the innermost dimension, and runs are independent.
#include "cpu/simd/channel_norm.h"

#include <algorithm>

#include "math/channel_norm.h"
#include "cpu/simd/simd_table.h"
#include "cpu/parallel.h"

namespace ptdet::cpu {
namespace {

// [docs: runs]
// A run's input is read twice where its sums have to be scaled or its maxima counted: then it is in the cache.
int64_t pixels_of_a_run(int64_t channels) {
  constexpr int64_t kElements = 65536, kFewest = 128;
  return std::clamp(kElements / std::max<int64_t>(channels, 1), kFewest, kMostPixels);
}

template <typename Body>
void for_each_run(const PixelShape& shape, const Host& host, Body&& body) {
  int64_t outer = 1;
  for (int d = 0; d + 1 < shape.dims; ++d) outer *= shape.size[d];
  const int64_t inner = shape.dims > 0 ? shape.size[shape.dims - 1] : 1;
  const int64_t longest = pixels_of_a_run(shape.channels);
  const int64_t runs_per_row = (inner + longest - 1) / longest;
  const int64_t runs = outer * runs_per_row;
  const auto range = [&](int64_t begin, int64_t end) {
    for (int64_t run = begin; run < end; ++run) {
      const int64_t first = run % runs_per_row * longest;
      body(run / runs_per_row, first, std::min(longest, inner - first));
    }
  };
  constexpr int64_t kWorthAThread = 32768;  // elements
  const int64_t work = outer * inner * (shape.channels + 1);
  const int64_t parts = std::min<int64_t>({runs, work / kWorthAThread + 1, 4 * int64_t{host.threads}});
  parallel_ranges(host, runs, parts, range);
}
// [docs: end]

RunArray part_of(const PixelArray& array, const PixelShape& shape, int64_t row, int64_t first) {
  const int inner = shape.dims - 1;
  const int64_t pixel_stride = inner >= 0 ? array.stride[inner] : 0;
  const int64_t at = offset_of(row, inner, shape.size, array.stride) + first * pixel_stride;
  return {static_cast<char*>(array.data) + at * bytes_of(shape.type), pixel_stride, array.channel_stride};
}

}  // namespace

void channel_norm(const PixelShape& shape, const PixelArray& input, const PixelArray& norm, double degree,
                  const Host& host) {
  for_each_run(shape, host, [&](int64_t row, int64_t first, int64_t count) {
    simd().channel_norm.forward({shape.type,
                                 degree,
                                 shape.channels,
                                 count,
                                 part_of(input, shape, row, first),
                                 part_of(norm, shape, row, first),
                                 {},
                                 {}});
  });
}

void channel_norm_backward(const PixelShape& shape, const PixelArray& grad, const PixelArray& input,
                           const PixelArray& norm, double degree, const PixelArray& slope, const Host& host) {
  for_each_run(shape, host, [&](int64_t row, int64_t first, int64_t count) {
    simd().channel_norm.backward({shape.type, degree, shape.channels, count, part_of(input, shape, row, first),
                                  part_of(norm, shape, row, first), part_of(grad, shape, row, first),
                                  part_of(slope, shape, row, first)});
  });
}

}  // namespace ptdet::cpu

// The norm over channels (SPEC 5).
#pragma once

#include "api/common.h"

namespace ptdet {

// The norm over channels. The pixels of a tensor (B, C, *spatial) are all its dimensions but the channels, the last
// one innermost; strides count elements. The norm and its gradient have one channel, and the type of the input.
constexpr int kPixelDims = 32;

struct PixelShape {
  Type type = Type::kFloat32;
  int64_t channels = 0;
  int dims = 0;
  int64_t size[kPixelDims] = {};
};

struct PixelArray {
  void* data = nullptr;  // an input is not written to
  int64_t channel_stride = 0;
  int64_t stride[kPixelDims] = {};
};

namespace cpu {
void channel_norm(const PixelShape& shape, const PixelArray& input, const PixelArray& norm, double degree,
                  const Host& host);
// Writes `slope`, an array like the input.
void channel_norm_backward(const PixelShape& shape, const PixelArray& grad, const PixelArray& input,
                           const PixelArray& norm, double degree, const PixelArray& slope, const Host& host);
}  // namespace cpu

namespace cuda {
void channel_norm(const PixelShape& shape, const PixelArray& input, const PixelArray& norm, double degree,
                  void* stream);
void channel_norm_backward(const PixelShape& shape, const PixelArray& grad, const PixelArray& input,
                           const PixelArray& norm, double degree, const PixelArray& slope, void* stream);
}  // namespace cuda
}  // namespace ptdet

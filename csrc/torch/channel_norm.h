// The norm over channels: from tensors (B, C, *spatial) to pixels of as few dimensions as the strides allow.
#pragma once

#include <torch/csrc/stable/library.h>

#include <array>
#include <utility>
#include <vector>

#include "torch/arguments.h"
#include "torch/huge_pages.h"

namespace ptdet {

inline void check_channel_norm(const Tensor& input, double norm_deg) {
  float_type_of(input, "input");
  STD_TORCH_CHECK(input.dim() >= 2, "ptdet: input must have at least 2 dimensions (B, C, ...)");
  STD_TORCH_CHECK(norm_deg > 0, "ptdet: norm_deg must be above 0");
}

// `other` has one channel, and all else of the input.
inline void check_like_norm(const Tensor& other, const Tensor& input, const char* name) {
  bool same = other.dim() == input.dim() && other.scalar_type() == input.scalar_type() &&
              other.is_cpu() == input.is_cpu() && other.get_device_index() == input.get_device_index();
  for (int64_t d = 0; same && d < input.dim(); ++d) same = other.size(d) == (d == 1 ? 1 : input.size(d));
  STD_TORCH_CHECK(same, "ptdet: ", name, " must have the norm's shape, dtype and device");
}

inline Tensor new_norm(const Tensor& input) {
  std::vector<int64_t> size;
  for (int64_t d = 0; d < input.dim(); ++d) size.push_back(d == 1 ? 1 : input.size(d));
  return torch::stable::new_empty(input, size);
}

// [docs: pixels]
// The pixels of `count` tensors alike, by decreasing stride of the first; dimensions that all of them run through in
// one go are one.
template <size_t count>
PixelShape pixels_of(const std::array<const Tensor*, count>& tensors, std::array<PixelArray, count>* arrays) {
  const Tensor& first = *tensors[0];
  std::vector<int64_t> order;
  for (int64_t d = 0; d < first.dim(); ++d)
    if (d != 1 && first.size(d) != 1) order.push_back(d);
  for (size_t i = 1; i < order.size(); ++i)  // few of them, and equal strides keep their order
    for (size_t j = i; j > 0 && first.stride(order[j]) > first.stride(order[j - 1]); --j)
      std::swap(order[j], order[j - 1]);

  PixelShape shape;
  shape.type = float_type_of(first, "input");
  shape.channels = first.size(1);
  for (size_t t = 0; t < count; ++t) (*arrays)[t] = {tensors[t]->mutable_data_ptr(), tensors[t]->stride(1), {}};
  for (const int64_t d : order) {
    bool merges = shape.dims > 0;
    for (size_t t = 0; merges && t < count; ++t)
      merges = (*arrays)[t].stride[shape.dims - 1] == first.size(d) * tensors[t]->stride(d);
    STD_TORCH_CHECK(merges || shape.dims < kPixelDims, "ptdet: input has more than ", kPixelDims, " dimensions");
    if (!merges) shape.size[shape.dims++] = 1;
    shape.size[shape.dims - 1] *= first.size(d);
    for (size_t t = 0; t < count; ++t) (*arrays)[t].stride[shape.dims - 1] = tensors[t]->stride(d);
  }
  return shape;
}
// [docs: end]

}  // namespace ptdet

namespace ptdet::operators {

// [docs: operator]
template <typename Call>
Tensor channel_norm(const Tensor& input, double norm_deg) {
  check_channel_norm(input, norm_deg);
  const Call call(input);
  const Tensor norm = new_norm(input);
  if (norm.numel() == 0) return norm;
  prefer_large_pages(norm);

  std::array<PixelArray, 2> arrays;
  const PixelShape shape = pixels_of<2>({&input, &norm}, &arrays);
  channel_norm(shape, arrays[0], arrays[1], norm_deg, call);
  call.finish();
  return norm;
}
// [docs: end]

template <typename Call>
Tensor channel_norm_backward(const Tensor& grad, const Tensor& input, const Tensor& output, double norm_deg) {
  check_channel_norm(input, norm_deg);
  check_like_norm(grad, input, "grad");
  check_like_norm(output, input, "output");
  const Call call(input);
  const Tensor slope = torch::stable::empty_like(input);
  if (slope.numel() == 0) return slope;
  prefer_large_pages(slope);

  std::array<PixelArray, 4> arrays;
  const PixelShape shape = pixels_of<4>({&input, &grad, &output, &slope}, &arrays);
  channel_norm_backward(shape, arrays[1], arrays[0], arrays[2], norm_deg, arrays[3], call);
  call.finish();
  return slope;
}

template <typename Call>
void register_channel_norm(torch::stable::detail::StableLibrary& m) {
  m.impl("channel_norm", TORCH_BOX(&channel_norm<Call>));
  m.impl("channel_norm_backward", TORCH_BOX(&channel_norm_backward<Call>));
}

}  // namespace ptdet::operators

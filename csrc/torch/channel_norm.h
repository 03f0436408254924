// The operators of the norm over channels; ptdet/schemas.txt has their schemas.
#pragma once

#include <torch/csrc/stable/tensor.h>

namespace ptdet {

using torch::stable::Tensor;

namespace cpu {
Tensor channel_norm_op(const Tensor& input, double norm_deg);
Tensor channel_norm_backward_op(const Tensor& grad, const Tensor& input, const Tensor& output, double norm_deg);
}  // namespace cpu

namespace cuda {
Tensor channel_norm_op(const Tensor& input, double norm_deg);
Tensor channel_norm_backward_op(const Tensor& grad, const Tensor& input, const Tensor& output, double norm_deg);
}  // namespace cuda

}  // namespace ptdet

// The operators around a walk over many images; ptdet/schemas.txt has their schemas. On the CPU alone.
#pragma once

#include <torch/csrc/stable/tensor.h>

#include <optional>
#include <tuple>

namespace ptdet::cpu {

using torch::stable::Tensor;

Tensor ragged_groups_op(const Tensor& images, std::optional<Tensor> idxs, int64_t num_images);
std::tuple<Tensor, Tensor, Tensor> image_order_op(const Tensor& keep, const Tensor& images, int64_t num_images,
                                                  std::optional<int64_t> max_per_image, bool with_places);
Tensor rows_at_op(const Tensor& values, const Tensor& places, int64_t padding);
std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor> class_candidates_op(const Tensor& boxes,
                                                                               const Tensor& scores,
                                                                               std::optional<double> score_threshold);

}  // namespace ptdet::cpu

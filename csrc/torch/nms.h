// The operators of hard NMS; ptdet/schemas.txt has their schemas.
#pragma once

#include <torch/csrc/stable/tensor.h>

#include <optional>
#include <string>
#include <tuple>

namespace ptdet {

using torch::stable::Tensor;

namespace cpu {
Tensor nms_op(const Tensor& boxes, const Tensor& scores, std::optional<Tensor> idxs, double iou_threshold,
              std::string metric, bool inclusive, std::optional<double> score_threshold,
              std::optional<int64_t> max_output);
std::tuple<Tensor, Tensor, Tensor> nms_walk_op(const Tensor& boxes, const Tensor& scores, std::optional<Tensor> idxs,
                                               double iou_threshold, std::string metric, bool inclusive,
                                               std::optional<double> score_threshold,
                                               std::optional<int64_t> max_output);
}  // namespace cpu

namespace cuda {
Tensor nms_op(const Tensor& boxes, const Tensor& scores, std::optional<Tensor> idxs, double iou_threshold,
              std::string metric, bool inclusive, std::optional<double> score_threshold,
              std::optional<int64_t> max_output);
std::tuple<Tensor, Tensor, Tensor> nms_walk_op(const Tensor& boxes, const Tensor& scores, std::optional<Tensor> idxs,
                                               double iou_threshold, std::string metric, bool inclusive,
                                               std::optional<double> score_threshold,
                                               std::optional<int64_t> max_output);
}  // namespace cuda

}  // namespace ptdet

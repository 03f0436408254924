// The operators of the other methods; ptdet/schemas.txt has their schemas.
#pragma once

#include <torch/csrc/stable/tensor.h>

#include <optional>
#include <string>
#include <tuple>

namespace ptdet {

using torch::stable::Tensor;
using Index = std::optional<Tensor>;
using Limit = std::optional<int64_t>;
using Least = std::optional<double>;

#define PTDET_METHODS                                                                                                  \
  std::tuple<Tensor, Tensor, Tensor> diou_nms_walk_op(const Tensor& boxes, const Tensor& scores, Index idxs,           \
                                                      double iou_threshold, double beta, bool inclusive,               \
                                                      Least score_threshold, Limit max_output);                        \
  Tensor and_nms_op(const Tensor& boxes, const Tensor& scores, Index idxs, double iou_threshold,                       \
                    double overlap_threshold, std::string metric, bool inclusive, Least score_threshold,               \
                    Limit max_output);                                                                                 \
  std::tuple<Tensor, Tensor, Tensor> and_nms_walk_op(                                                                  \
      const Tensor& boxes, const Tensor& scores, Index idxs, double iou_threshold, double overlap_threshold,           \
      std::string metric, bool inclusive, Least score_threshold, Limit max_output);                                    \
  std::tuple<Tensor, Tensor> merge_nms_op(const Tensor& boxes, const Tensor& scores, Index idxs, double iou_threshold, \
                                          std::string metric, bool inclusive, Least score_threshold, Limit max_output, \
                                          std::string members, std::string weights);                                   \
  std::tuple<Tensor, Tensor, Tensor, Tensor> merge_nms_walk_op(                                                        \
      const Tensor& boxes, const Tensor& scores, Index idxs, double iou_threshold, std::string metric, bool inclusive, \
      Least score_threshold, Limit max_output, std::string members, std::string weights);                              \
  std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> nmm_walk_op(                                                      \
      const Tensor& boxes, const Tensor& scores, Index idxs, double iou_threshold, std::string metric, bool inclusive, \
      Least score_threshold, Limit max_output, bool members_hand_on);                                                  \
  std::tuple<Tensor, Tensor, Tensor, Tensor> soft_nms_walk_op(                                                         \
      const Tensor& boxes, const Tensor& scores, Index idxs, double iou_threshold, double sigma, double min_score,     \
      std::string kind, bool reselect, std::string metric, bool inclusive, Least score_threshold, Limit max_output);   \
  std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> wbf_walk_op(                                                      \
      const Tensor& boxes, const Tensor& scores, Index idxs, Index models, Index weights, double iou_threshold,        \
      std::string conf_type, bool allows_overflow, std::string metric, bool inclusive, Least score_threshold,          \
      Limit max_output);                                                                                               \
  std::tuple<Tensor, Tensor, Tensor> fast_nms_walk_op(const Tensor& boxes, const Tensor& scores, Index idxs,           \
                                                      double iou_threshold, std::string metric, bool inclusive,        \
                                                      Least score_threshold, Limit max_output);                        \
  std::tuple<Tensor, Tensor, Tensor, Tensor> matrix_nms_walk_op(                                                       \
      const Tensor& boxes, const Tensor& scores, Index idxs, double sigma, double min_score, std::string kind,         \
      std::string metric, Least score_threshold, Limit max_output);

namespace cpu {
PTDET_METHODS
}  // namespace cpu

namespace cuda {
PTDET_METHODS
}  // namespace cuda

#undef PTDET_METHODS

}  // namespace ptdet

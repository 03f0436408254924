// Hard NMS of rotated boxes, in the two forms of nms.h, and DIoU-NMS with a power.
#pragma once

#include <torch/csrc/stable/library.h>

#include "torch/nms_variants.h"

namespace ptdet::operators {

// pass(input, output, call) with the parameters of a call.
inline auto rotated_pass(double iou_threshold, const std::string& metric, bool inclusive, Least score_threshold,
                         Limit max_output) {
  return [=, &metric](const NmsInput& input, const NmsOutput& output, const auto& call) {
    rotated_nms(input, rotated_nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output),
                output, call);
  };
}

template <typename Call>
Tensor rotated_nms(const Tensor& boxes, const Tensor& scores, Index idxs, double iou_threshold, std::string metric,
                   bool inclusive, Least score_threshold, Limit max_output) {
  return kept_by<Call>(boxes, scores, idxs, false,
                       rotated_pass(iou_threshold, metric, inclusive, score_threshold, max_output), 5);
}

template <typename Call>
std::tuple<Tensor, Tensor, Tensor> rotated_nms_walk(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                    double iou_threshold, std::string metric, bool inclusive,
                                                    Least score_threshold, Limit max_output) {
  return padded_by<Call>(boxes, scores, idxs,
                         rotated_pass(iou_threshold, metric, inclusive, score_threshold, max_output), 5);
}

template <typename Call>
void register_rotated_nms(torch::stable::detail::StableLibrary& m) {
  m.impl("rotated_nms", TORCH_BOX(&rotated_nms<Call>));
  m.impl("rotated_nms_walk", TORCH_BOX(&rotated_nms_walk<Call>));
  m.impl("rotated_diou_nms_walk", TORCH_BOX((&diou_nms_walk<Call, 5>)));
}

}  // namespace ptdet::operators

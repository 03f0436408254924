// DIoU-NMS with a power, AND-NMS and adaptive NMS. OR-NMS and DIoU-NMS without one are calls of nms.
// kNumbers: of a box.
#pragma once

#include <torch/csrc/stable/library.h>

#include <cmath>

#include "torch/passes.h"

namespace ptdet {

inline NmsParams diou_params(int64_t count, double iou_threshold, double beta, bool inclusive, Least score_threshold,
                             Limit max_output) {
  STD_TORCH_CHECK(beta > 0 && std::isfinite(beta), "ptdet: beta must be finite and above 0");
  NmsParams params = nms_params(count, iou_threshold, "diou", inclusive, score_threshold, max_output);
  params.beta = beta;
  return params;
}

inline AndParams and_params(const NmsParams& pass, double overlap_threshold) {
  STD_TORCH_CHECK(overlap_threshold == overlap_threshold, "ptdet: overlap_threshold must not be NaN");
  return {pass, overlap_threshold};
}

}  // namespace ptdet

namespace ptdet::operators {

template <typename Call, int64_t kNumbers = 4>
std::tuple<Tensor, Tensor, Tensor> diou_nms_walk(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                 double iou_threshold, double beta, bool inclusive,
                                                 Least score_threshold, Limit max_output) {
  return padded_by<Call>(
      boxes, scores, idxs,
      [&](const NmsInput& input, const NmsOutput& output, const Call& call) {
        const NmsParams params = diou_params(input.count, iou_threshold, beta, inclusive, score_threshold, max_output);
        if constexpr (kNumbers == 5)
          rotated_nms(input, params, output, call);
        else
          nms(input, params, output, call);
      },
      kNumbers);
}

template <typename Call, int64_t kNumbers = 4>
Tensor and_nms(const Tensor& boxes, const Tensor& scores, Index idxs, double iou_threshold, double overlap_threshold,
               std::string metric, bool inclusive, Least score_threshold, Limit max_output) {
  return kept_by<Call>(
      boxes, scores, idxs, true,
      [&](const NmsInput& input, const NmsOutput& output, const Call& call) {
        const NmsParams pass = nms_params(input, iou_threshold, metric, inclusive, score_threshold, max_output);
        and_nms(input, and_params(pass, overlap_threshold), output, call);
      },
      kNumbers);
}

template <typename Call, int64_t kNumbers = 4>
std::tuple<Tensor, Tensor, Tensor> and_nms_walk(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                double iou_threshold, double overlap_threshold, std::string metric,
                                                bool inclusive, Least score_threshold, Limit max_output) {
  return padded_by<Call>(
      boxes, scores, idxs,
      [&](const NmsInput& input, const NmsOutput& output, const Call& call) {
        const NmsParams pass = nms_params(input, iou_threshold, metric, inclusive, score_threshold, max_output);
        and_nms(input, and_params(pass, overlap_threshold), output, call);
      },
      kNumbers);
}

template <typename Call, int64_t kNumbers = 4>
std::tuple<Tensor, Tensor, Tensor> adaptive_nms_walk(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                     const Tensor& densities, double iou_threshold, std::string metric,
                                                     bool inclusive, Least score_threshold, Limit max_output) {
  return padded_by<Call>(
      boxes, scores, idxs,
      [&](const NmsInput& input, const NmsOutput& output, const Call& call) {
        const AdaptiveInput given{input, numbers_of(densities, boxes, "densities")};
        adaptive_nms(given, nms_params(input, iou_threshold, metric, inclusive, score_threshold, max_output), output,
                     call);
      },
      kNumbers);
}

template <typename Call>
void register_nms_variants(torch::stable::detail::StableLibrary& m) {
  m.impl("diou_nms_walk", TORCH_BOX(&diou_nms_walk<Call>));
  m.impl("and_nms", TORCH_BOX(&and_nms<Call>));
  m.impl("and_nms_walk", TORCH_BOX(&and_nms_walk<Call>));
  m.impl("adaptive_nms_walk", TORCH_BOX(&adaptive_nms_walk<Call>));
}

}  // namespace ptdet::operators

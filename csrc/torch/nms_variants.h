// DIoU-NMS with a power, and AND-NMS. OR-NMS and DIoU-NMS without one are calls of nms.
#pragma once

#include <cmath>

#include "torch/arguments.h"

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

template <typename Call>
std::tuple<Tensor, Tensor, Tensor> diou_nms_walk(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                 double iou_threshold, double beta, bool inclusive,
                                                 Least score_threshold, Limit max_output) {
  const NmsInput input = nms_input(boxes, scores, idxs);
  const NmsParams params = diou_params(input.count, iou_threshold, beta, inclusive, score_threshold, max_output);
  const Call call(boxes);
  const PassResult found(boxes, input.count);
  nms(input, params, found.output(), call);
  call.finish(found.num_kept);
  return {found.keep, found.owner, found.num_kept};
}

template <typename Call>
Tensor and_nms(const Tensor& boxes, const Tensor& scores, Index idxs, double iou_threshold, double overlap_threshold,
               std::string metric, bool inclusive, Least score_threshold, Limit max_output) {
  const NmsInput input = nms_input(boxes, scores, idxs);
  const NmsParams params = nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output);
  const Call call(boxes);
  auto found = kept_rows(call, input.count, true);
  and_nms(input, and_params(params, overlap_threshold), found.output(), call);
  call.finish();
  return found.keep();
}

template <typename Call>
std::tuple<Tensor, Tensor, Tensor> and_nms_walk(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                double iou_threshold, double overlap_threshold, std::string metric,
                                                bool inclusive, Least score_threshold, Limit max_output) {
  const NmsInput input = nms_input(boxes, scores, idxs);
  const NmsParams params = nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output);
  const Call call(boxes);
  const PassResult found(boxes, input.count);
  and_nms(input, and_params(params, overlap_threshold), found.output(), call);
  call.finish(found.num_kept);
  return {found.keep, found.owner, found.num_kept};
}

}  // namespace ptdet::operators

// Merge-NMS and Cluster-NMS: the kept boxes become means of the boxes they remove. kNumbers: of a box.
#pragma once

#include <torch/csrc/stable/library.h>

#include "torch/arguments.h"

namespace ptdet {

inline MergeParams merge_params(const NmsParams& pass, const std::string& members, const std::string& weights) {
  return {pass, named("members", members, kMembers), named("weights", weights, kWeightsByOverlap)};
}

}  // namespace ptdet

namespace ptdet::operators {

template <typename Call>
std::tuple<Tensor, Tensor> merge_nms(const Tensor& boxes, const Tensor& scores, Index idxs, double iou_threshold,
                                     std::string metric, bool inclusive, Least score_threshold, Limit max_output,
                                     std::string members, std::string weights) {
  const NmsInput input = nms_input(boxes, scores, idxs);
  const NmsParams params = nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output);
  const MergeParams merge = merge_params(params, members, weights);
  const Call call(boxes);
  auto found = kept_rows(call, input.count, true);
  merge_nms(input, merge, {found.output(), found.new_boxes()}, call);
  call.finish();
  const Tensor keep = found.keep();
  return {found.boxes(), keep};
}

// Of fixed shape.
template <typename Call, int64_t kNumbers = 4>
std::tuple<Tensor, Tensor, Tensor, Tensor> merge_nms_walk(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                          double iou_threshold, std::string metric, bool inclusive,
                                                          Least score_threshold, Limit max_output, std::string members,
                                                          std::string weights) {
  const NmsInput input = nms_input(boxes, scores, idxs, kNumbers);
  const NmsParams params = nms_params(input, iou_threshold, metric, inclusive, score_threshold, max_output);
  const MergeParams merge = merge_params(params, members, weights);
  const Call call(boxes);
  const Tensor merged = new_rows(boxes, input.count, kNumbers);
  const PassResult found(boxes, input.count);
  merge_nms(input, merge, MergeOutput{found.output(), merged.mutable_data_ptr()}, call);
  call.finish(found.num_kept);
  return {merged, found.keep, found.owner, found.num_kept};
}

template <typename Call>
void register_merge_nms(torch::stable::detail::StableLibrary& m) {
  m.impl("merge_nms", TORCH_BOX(&merge_nms<Call>));
  m.impl("merge_nms_walk", TORCH_BOX(&merge_nms_walk<Call>));
}

}  // namespace ptdet::operators

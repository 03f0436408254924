// Merge-NMS and Cluster-NMS: the kept boxes become means of the boxes they remove.
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
  const MergeParams merging = merge_params(params, members, weights);
  const Call call(boxes);
  auto found = kept_rows(call, input.count, true);
  merge_nms(input, merging, {found.output(), found.new_boxes()}, call);
  call.finish();
  const Tensor keep = found.keep();
  return {found.boxes(), keep};
}

// Of fixed shape; merge(input, params, output, call) runs the kernel of boxes of so many `numbers`.
template <typename Call, typename Merge>
std::tuple<Tensor, Tensor, Tensor, Tensor> merged_by(const Tensor& boxes, const Tensor& scores, const Index& idxs,
                                                     const NmsParams& params, const std::string& members,
                                                     const std::string& weights, int64_t numbers, Merge&& merge) {
  const NmsInput input = nms_input(boxes, scores, idxs, numbers);
  const MergeParams merging = merge_params(params, members, weights);
  const Call call(boxes);
  const Tensor merged = new_rows(boxes, input.count, numbers);
  const PassResult found(boxes, input.count);
  merge(input, merging, MergeOutput{found.output(), merged.mutable_data_ptr()}, call);
  call.finish(found.num_kept);
  return {merged, found.keep, found.owner, found.num_kept};
}

template <typename Call>
std::tuple<Tensor, Tensor, Tensor, Tensor> merge_nms_walk(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                          double iou_threshold, std::string metric, bool inclusive,
                                                          Least score_threshold, Limit max_output, std::string members,
                                                          std::string weights) {
  return merged_by<Call>(
      boxes, scores, idxs, nms_params(rows_in(boxes), iou_threshold, metric, inclusive, score_threshold, max_output),
      members, weights, 4, [](const auto& input, const auto& params, const auto& output, const auto& call) {
        merge_nms(input, params, output, call);
      });
}

template <typename Call>
std::tuple<Tensor, Tensor, Tensor, Tensor> rotated_merge_nms_walk(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                                  double iou_threshold, std::string metric,
                                                                  bool inclusive, Least score_threshold,
                                                                  Limit max_output, std::string members,
                                                                  std::string weights) {
  return merged_by<Call>(
      boxes, scores, idxs,
      rotated_nms_params(rows_in(boxes), iou_threshold, metric, inclusive, score_threshold, max_output), members,
      weights, 5, [](const auto& input, const auto& params, const auto& output, const auto& call) {
        rotated_merge_nms(input, params, output, call);
      });
}

template <typename Call>
void register_merge_nms(torch::stable::detail::StableLibrary& m) {
  m.impl("merge_nms", TORCH_BOX(&merge_nms<Call>));
  m.impl("merge_nms_walk", TORCH_BOX(&merge_nms_walk<Call>));
}

template <typename Call>
void register_rotated_merge_nms(torch::stable::detail::StableLibrary& m) {
  m.impl("rotated_merge_nms_walk", TORCH_BOX(&rotated_merge_nms_walk<Call>));
}

}  // namespace ptdet::operators

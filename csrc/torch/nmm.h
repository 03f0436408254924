// Non-maximum merging, greedy and not.
#pragma once

#include <torch/csrc/stable/library.h>

#include "torch/arguments.h"

namespace ptdet::operators {

// merge(input, params, output, call) runs the kernel of boxes of so many `numbers`.
template <typename Call, typename Merge>
std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> grown_by(const Tensor& boxes, const Tensor& scores,
                                                            const Index& idxs, const NmmParams& params, int64_t numbers,
                                                            Merge&& merge) {
  const NmsInput input = nms_input(boxes, scores, idxs, numbers);
  const Call call(boxes);
  const Tensor grown = new_rows(boxes, input.count, numbers);
  const Tensor sides = new_rows_of(aoti_torch_dtype_int64(), boxes, input.count, 4);
  const PassResult found(boxes, input.count);
  merge(input, params, NmmOutput{found.output(), grown.mutable_data_ptr(), indices(sides)}, call);
  call.finish(found.num_kept);
  return {grown, sides, found.keep, found.owner, found.num_kept};
}

template <typename Call>
std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> nmm_walk(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                            double iou_threshold, std::string metric, bool inclusive,
                                                            Least score_threshold, Limit max_output,
                                                            bool members_propagate) {
  const NmsParams pass = nms_params(rows_in(boxes), iou_threshold, metric, inclusive, score_threshold, max_output);
  return grown_by<Call>(boxes, scores, idxs, {pass, members_propagate}, 4,
                        [](const auto& input, const auto& params, const auto& output, const auto& call) {
                          nmm(input, params, output, call);
                        });
}

template <typename Call>
std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> rotated_nmm_walk(const Tensor& boxes, const Tensor& scores,
                                                                    Index idxs, double iou_threshold,
                                                                    std::string metric, bool inclusive,
                                                                    Least score_threshold, Limit max_output,
                                                                    bool members_propagate) {
  const NmsParams pass =
      rotated_nms_params(rows_in(boxes), iou_threshold, metric, inclusive, score_threshold, max_output);
  return grown_by<Call>(boxes, scores, idxs, {pass, members_propagate}, 5,
                        [](const auto& input, const auto& params, const auto& output, const auto& call) {
                          rotated_nmm(input, params, output, call);
                        });
}

template <typename Call>
void register_nmm(torch::stable::detail::StableLibrary& m) {
  m.impl("nmm_walk", TORCH_BOX(&nmm_walk<Call>));
}

template <typename Call>
void register_rotated_nmm(torch::stable::detail::StableLibrary& m) {
  m.impl("rotated_nmm_walk", TORCH_BOX(&rotated_nmm_walk<Call>));
}

}  // namespace ptdet::operators

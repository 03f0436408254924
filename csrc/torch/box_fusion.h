// Weighted boxes fusion.
#pragma once

#include <torch/csrc/stable/library.h>

#include "torch/arguments.h"

namespace ptdet {

inline WbfInput wbf_input(const Tensor& boxes, const Tensor& scores, const Index& idxs, const Index& models,
                          const Index& weights, int64_t numbers) {
  WbfInput input;
  input.pass = nms_input(boxes, scores, idxs, numbers);
  if (models) {
    check_device(*models, boxes, "models");
    input.models = column_of(*models, input.pass.count, "models");
    STD_TORCH_CHECK(input.models.type == Type::kInt64, "ptdet: models must be int64");
  }
  if (weights) {
    check_device(*weights, boxes, "weights");
    STD_TORCH_CHECK(weights->dim() == 1 && weights->size(0) > 0, "ptdet: weights must have shape (M,), M > 0");
    input.model_count = weights->size(0);
    input.weights = {weights->const_data_ptr(), weights->stride(0), float_type_of(*weights, "weights")};
  }
  return input;
}

}  // namespace ptdet

namespace ptdet::operators {

// fuse(input, params, output, call) runs the kernel of boxes of so many `numbers`.
template <typename Call, typename Fuse>
std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> fused_by(const Tensor& boxes, const Tensor& scores,
                                                            const WbfInput& input, const WbfParams& params,
                                                            int64_t numbers, Fuse&& fuse) {
  const int64_t count = input.pass.count;
  const Call call(boxes);
  const Tensor fused = new_rows(boxes, count, numbers);
  const Tensor confidences = new_rows(scores, count, 1);
  const PassResult found(boxes, count);
  fuse(input, params, WbfOutput{found.output(), fused.mutable_data_ptr(), confidences.mutable_data_ptr()}, call);
  call.finish(found.num_kept);
  return {fused, confidences, found.keep, found.owner, found.num_kept};
}

template <typename Call>
std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> wbf_walk(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                            Index models, Index weights, double iou_threshold,
                                                            std::string conf_type, bool allows_overflow,
                                                            std::string metric, bool inclusive, Least score_threshold,
                                                            Limit max_output) {
  const WbfInput input = wbf_input(boxes, scores, idxs, models, weights, 4);
  const NmsParams pass = nms_params(input.pass.count, iou_threshold, metric, inclusive, score_threshold, max_output);
  return fused_by<Call>(boxes, scores, input, {pass, named("conf_type", conf_type, kConfidences), allows_overflow}, 4,
                        [](const auto& given, const auto& params, const auto& output, const auto& call) {
                          wbf(given, params, output, call);
                        });
}

template <typename Call>
std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> rotated_wbf_walk(const Tensor& boxes, const Tensor& scores,
                                                                    Index idxs, Index models, Index weights,
                                                                    double iou_threshold, std::string conf_type,
                                                                    bool allows_overflow, std::string metric,
                                                                    bool inclusive, Least score_threshold,
                                                                    Limit max_output) {
  const WbfInput input = wbf_input(boxes, scores, idxs, models, weights, 5);
  const NmsParams pass =
      rotated_nms_params(input.pass.count, iou_threshold, metric, inclusive, score_threshold, max_output);
  return fused_by<Call>(boxes, scores, input, {pass, named("conf_type", conf_type, kConfidences), allows_overflow}, 5,
                        [](const auto& given, const auto& params, const auto& output, const auto& call) {
                          rotated_wbf(given, params, output, call);
                        });
}

template <typename Call>
void register_box_fusion(torch::stable::detail::StableLibrary& m) {
  m.impl("wbf_walk", TORCH_BOX(&wbf_walk<Call>));
}

template <typename Call>
void register_rotated_box_fusion(torch::stable::detail::StableLibrary& m) {
  m.impl("rotated_wbf_walk", TORCH_BOX(&rotated_wbf_walk<Call>));
}

}  // namespace ptdet::operators

// Weighted boxes fusion. kNumbers: of a box.
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

template <typename Call, int64_t kNumbers = 4>
std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> wbf_walk(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                            Index models, Index weights, double iou_threshold,
                                                            std::string conf_type, bool allows_overflow,
                                                            std::string metric, bool inclusive, Least score_threshold,
                                                            Limit max_output) {
  const WbfInput input = wbf_input(boxes, scores, idxs, models, weights, kNumbers);
  const WbfParams params{nms_params(input.pass, iou_threshold, metric, inclusive, score_threshold, max_output),
                         named("conf_type", conf_type, kConfidences), allows_overflow};
  const int64_t count = input.pass.count;
  const Call call(boxes);
  const Tensor fused = new_rows(boxes, count, kNumbers);
  const Tensor confidences = new_rows(scores, count, 1);
  const PassResult found(boxes, count);
  wbf(input, params, WbfOutput{found.output(), fused.mutable_data_ptr(), confidences.mutable_data_ptr()}, call);
  call.finish(found.num_kept);
  return {fused, confidences, found.keep, found.owner, found.num_kept};
}

template <typename Call>
void register_box_fusion(torch::stable::detail::StableLibrary& m) {
  m.impl("wbf_walk", TORCH_BOX(&wbf_walk<Call>));
}

}  // namespace ptdet::operators

// Soft-NMS. kNumbers: of a box.
#pragma once

#include <torch/csrc/stable/library.h>

#include <cmath>

#include "torch/arguments.h"

namespace ptdet {

inline SoftParams soft_params(const NmsParams& pass, double sigma, double min_score, const std::string& kind,
                              bool reselect) {
  STD_TORCH_CHECK(sigma > 0 && std::isfinite(sigma), "ptdet: sigma must be finite and above 0");
  STD_TORCH_CHECK(min_score == min_score, "ptdet: min_score must not be NaN");
  return {pass, sigma, min_score, named("kind", kind, kDecays), reselect};
}

}  // namespace ptdet

namespace ptdet::operators {

template <typename Call, int64_t kNumbers = 4>
std::tuple<Tensor, Tensor, Tensor, Tensor> soft_nms_walk(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                         double iou_threshold, double sigma, double min_score,
                                                         std::string kind, bool reselect, std::string metric,
                                                         bool inclusive, Least score_threshold, Limit max_output) {
  const NmsInput input = nms_input(boxes, scores, idxs, kNumbers);
  const NmsParams params = nms_params(input, iou_threshold, metric, inclusive, score_threshold, max_output);
  const SoftParams soft = soft_params(params, sigma, min_score, kind, reselect);
  const Call call(boxes);
  const Tensor decayed = new_rows(scores, input.count, 1);
  const PassResult found(boxes, input.count);
  soft_nms(input, soft, {found.output(), decayed.mutable_data_ptr()}, call);
  call.finish(found.num_kept);
  return {decayed, found.keep, found.owner, found.num_kept};
}

template <typename Call>
void register_soft_nms(torch::stable::detail::StableLibrary& m) {
  m.impl("soft_nms_walk", TORCH_BOX(&soft_nms_walk<Call>));
}

}  // namespace ptdet::operators

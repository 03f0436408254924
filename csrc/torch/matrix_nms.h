// Fast NMS and Matrix NMS: every box is compared with every better one. kNumbers: of a box.
#pragma once

#include <torch/csrc/stable/library.h>

#include <cmath>

#include "torch/passes.h"

namespace ptdet {

inline MatrixParams matrix_params(const NmsParams& pass, double sigma, double min_score, const std::string& kind) {
  STD_TORCH_CHECK(sigma > 0 && std::isfinite(sigma), "ptdet: sigma must be finite and above 0");
  STD_TORCH_CHECK(min_score == min_score, "ptdet: min_score must not be NaN");
  return {pass, sigma, min_score, named("kind", kind, kMatrixDecays)};
}

}  // namespace ptdet

namespace ptdet::operators {

template <typename Call, int64_t kNumbers = 4>
std::tuple<Tensor, Tensor, Tensor> fast_nms_walk(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                 double iou_threshold, std::string metric, bool inclusive,
                                                 Least score_threshold, Limit max_output) {
  return padded_by<Call>(
      boxes, scores, idxs,
      [&](const NmsInput& input, const NmsOutput& output, const Call& call) {
        fast_nms(input, nms_params(input, iou_threshold, metric, inclusive, score_threshold, max_output), output, call);
      },
      kNumbers);
}

template <typename Call, int64_t kNumbers = 4>
std::tuple<Tensor, Tensor, Tensor, Tensor> matrix_nms_walk(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                           double sigma, double min_score, std::string kind,
                                                           std::string metric, Least score_threshold,
                                                           Limit max_output) {
  const NmsInput input = nms_input(boxes, scores, idxs, kNumbers);
  const NmsParams pass = nms_params(input, 0, metric, false, score_threshold, max_output);
  const MatrixParams params = matrix_params(pass, sigma, min_score, kind);
  const Call call(boxes);
  const Tensor decayed = new_rows(scores, input.count, 1);
  const PassResult found(boxes, input.count);
  matrix_nms(input, params, {found.output(), decayed.mutable_data_ptr()}, call);
  call.finish(found.num_kept);
  return {decayed, found.keep, found.owner, found.num_kept};
}

template <typename Call>
void register_matrix_nms(torch::stable::detail::StableLibrary& m) {
  m.impl("fast_nms_walk", TORCH_BOX(&fast_nms_walk<Call>));
  m.impl("rotated_fast_nms_walk", TORCH_BOX((&fast_nms_walk<Call, 5>)));
  m.impl("matrix_nms_walk", TORCH_BOX(&matrix_nms_walk<Call>));
}

}  // namespace ptdet::operators

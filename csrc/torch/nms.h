// Hard NMS in two forms: nms returns the rows that are kept (on CUDA it waits to know how many), nms_walk results of
// fixed shape (it never waits).
#pragma once

#include <torch/csrc/stable/library.h>

#include "torch/passes.h"

namespace ptdet::operators {

template <typename Call>
Tensor nms(const Tensor& boxes, const Tensor& scores, Index idxs, double iou_threshold, std::string metric,
           bool inclusive, Least score_threshold, Limit max_output) {
  return kept_by<Call>(
      boxes, scores, idxs, false, [&](const NmsInput& input, const NmsOutput& output, const Call& call) {
        nms(input, nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output), output,
            call);
      });
}

template <typename Call>
std::tuple<Tensor, Tensor, Tensor> nms_walk(const Tensor& boxes, const Tensor& scores, Index idxs, double iou_threshold,
                                            std::string metric, bool inclusive, Least score_threshold,
                                            Limit max_output) {
  return padded_by<Call>(boxes, scores, idxs, [&](const NmsInput& input, const NmsOutput& output, const Call& call) {
    nms(input, nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output), output, call);
  });
}

template <typename Call>
void register_nms(torch::stable::detail::StableLibrary& m) {
  m.impl("nms", TORCH_BOX(&nms<Call>));
  m.impl("nms_walk", TORCH_BOX(&nms_walk<Call>));
}

}  // namespace ptdet::operators

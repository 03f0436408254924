// Hard NMS.
#pragma once

#include "torch/arguments.h"

namespace ptdet::operators {

template <typename Call>
Tensor nms(const Tensor& boxes, const Tensor& scores, Index idxs, double iou_threshold, std::string metric,
           bool inclusive, Least score_threshold, Limit max_output) {
  const NmsInput input = nms_input(boxes, scores, idxs);
  const NmsParams params = nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output);
  const Call call(boxes);
  auto found = kept_rows(call, input.count, false);
  nms(input, params, found.output(), call);
  call.finish();
  return found.keep();
}

template <typename Call>
std::tuple<Tensor, Tensor, Tensor> nms_walk(const Tensor& boxes, const Tensor& scores, Index idxs,
                                            double iou_threshold, std::string metric, bool inclusive,
                                            Least score_threshold, Limit max_output) {
  const NmsInput input = nms_input(boxes, scores, idxs);
  const NmsParams params = nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output);
  const Call call(boxes);
  const PassResult found(boxes, input.count);
  nms(input, params, found.output(), call);
  call.finish(found.num_kept);
  return {found.keep, found.owner, found.num_kept};
}

}  // namespace ptdet::operators

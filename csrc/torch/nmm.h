// Non-maximum merging, greedy and not. kNumbers: of a box.
#pragma once

#include <torch/csrc/stable/library.h>

#include "torch/arguments.h"

namespace ptdet::operators {

template <typename Call, int64_t kNumbers = 4>
std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> nmm_walk(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                            double iou_threshold, std::string metric, bool inclusive,
                                                            Least score_threshold, Limit max_output,
                                                            bool members_propagate) {
  const NmsInput input = nms_input(boxes, scores, idxs, kNumbers);
  const NmmParams params{nms_params(input, iou_threshold, metric, inclusive, score_threshold, max_output),
                         members_propagate};
  const Call call(boxes);
  const Tensor grown = new_rows(boxes, input.count, kNumbers);
  const Tensor sides = new_rows_of(aoti_torch_dtype_int64(), boxes, input.count, 4);
  const PassResult found(boxes, input.count);
  nmm(input, params, NmmOutput{found.output(), grown.mutable_data_ptr(), indices(sides)}, call);
  call.finish(found.num_kept);
  return {grown, sides, found.keep, found.owner, found.num_kept};
}

template <typename Call>
void register_nmm(torch::stable::detail::StableLibrary& m) {
  m.impl("nmm_walk", TORCH_BOX(&nmm_walk<Call>));
}

}  // namespace ptdet::operators

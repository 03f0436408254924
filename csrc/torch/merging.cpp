// Non-maximum merging, greedy and not.
#include "torch/host.h"
#include "torch/method_arguments.h"
#include "torch/methods.h"
#include "torch/walk_tensors.h"

namespace ptdet::cpu {

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> nmm_walk_op(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                               double iou_threshold, std::string metric, bool inclusive,
                                                               Least score_threshold, Limit max_output,
                                                               bool members_hand_on) {
  const NmsInput input = nms_input(boxes, scores, idxs);
  const NmsParams params = nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output);
  const WalkTensors walk(boxes, input.count);
  const Tensor grown = new_rows(boxes, input.count, 4);
  const Tensor sides = new_sides(boxes, input.count);
  const TorchHost host;
  merging(input, {params, members_hand_on}, {walk.output(), grown.mutable_data_ptr(), indices(sides)}, host.get());
  check_group_ids(*indices(walk.kept));
  return {grown, sides, walk.keep, walk.owner, walk.kept};
}

}  // namespace ptdet::cpu

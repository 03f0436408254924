// Fast and Matrix NMS: every box is asked of every better one.
#include "torch/host.h"
#include "torch/method_arguments.h"
#include "torch/methods.h"
#include "torch/walk_tensors.h"

namespace ptdet::cpu {

std::tuple<Tensor, Tensor, Tensor> fast_nms_walk_op(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                    double iou_threshold, std::string metric, bool inclusive,
                                                    Least score_threshold, Limit max_output) {
  const NmsInput input = nms_input(boxes, scores, idxs);
  const NmsParams params = nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output);
  const WalkTensors found(boxes, input.count);
  const TorchHost host;
  fast_nms(input, params, found.output(), host.get());
  check_group_ids(*indices(found.kept));
  return {found.keep, found.owner, found.kept};
}

std::tuple<Tensor, Tensor, Tensor, Tensor> matrix_nms_walk_op(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                              double sigma, double min_score, std::string kind,
                                                              std::string metric, Least score_threshold,
                                                              Limit max_output) {
  const NmsInput input = nms_input(boxes, scores, idxs);
  const NmsParams walk = nms_params(input.count, 0, metric, false, score_threshold, max_output);
  const MatrixParams params = matrix_params(walk, sigma, min_score, kind);
  const Tensor decayed = new_rows(scores, input.count, 1);
  const WalkTensors found(boxes, input.count);
  const TorchHost host;
  matrix_nms(input, params, {found.output(), decayed.mutable_data_ptr()}, host.get());
  check_group_ids(*indices(found.kept));
  return {decayed, found.keep, found.owner, found.kept};
}

}  // namespace ptdet::cpu

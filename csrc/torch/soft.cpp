// Soft-NMS and weighted boxes fusion.
#include "torch/host.h"
#include "torch/method_arguments.h"
#include "torch/methods.h"
#include "torch/walk_tensors.h"

namespace ptdet::cpu {

std::tuple<Tensor, Tensor, Tensor, Tensor> soft_nms_walk_op(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                            double iou_threshold, double sigma, double min_score,
                                                            std::string kind, bool reselect, std::string metric,
                                                            bool inclusive, Least score_threshold, Limit max_output) {
  const NmsInput input = nms_input(boxes, scores, idxs);
  const NmsParams walk = nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output);
  const SoftParams params = soft_params(walk, sigma, min_score, kind, reselect);
  const Tensor decayed = new_rows(scores, input.count, 1);
  const WalkTensors found(boxes, input.count);
  const TorchHost host;
  soft_nms(input, params, {found.output(), decayed.mutable_data_ptr()}, host.get());
  check_group_ids(*indices(found.kept));
  STD_TORCH_CHECK(*indices(found.kept) != kScoreIsNegative, "ptdet: scores must not be negative");
  return {decayed, found.keep, found.owner, found.kept};
}

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> wbf_walk_op(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                               Index models, Index weights, double iou_threshold,
                                                               std::string conf_type, bool allows_overflow,
                                                               std::string metric, bool inclusive,
                                                               Least score_threshold, Limit max_output) {
  const WbfInput input = wbf_input(boxes, scores, idxs, models, weights);
  const int64_t count = input.walk.count;
  const NmsParams limits = nms_params(count, iou_threshold, metric, inclusive, score_threshold, max_output);
  const WbfParams params = wbf_params(limits, conf_type, allows_overflow);
  const Tensor fused = new_rows(boxes, count, 4);
  const Tensor confidences = new_rows(scores, count, 1);
  const WalkTensors found(boxes, count);
  const TorchHost host;
  wbf(input, params, {found.output(), fused.mutable_data_ptr(), confidences.mutable_data_ptr()}, host.get());
  check_group_ids(*indices(found.kept));
  STD_TORCH_CHECK(*indices(found.kept) != kModelIsUnknown, "ptdet: models must be numbers from 0 to M - 1");
  return {fused, confidences, found.keep, found.owner, found.kept};
}

}  // namespace ptdet::cpu

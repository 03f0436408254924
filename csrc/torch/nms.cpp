#include "torch/nms.h"

#include <cstring>

#include "torch/host.h"
#include "torch/walk_tensors.h"

namespace ptdet::cpu {

Tensor nms_op(const Tensor& boxes, const Tensor& scores, std::optional<Tensor> idxs, double iou_threshold,
              std::string metric, bool inclusive, std::optional<double> score_threshold,
              std::optional<int64_t> max_output) {
  const NmsInput input = nms_input(boxes, scores, idxs);
  const NmsParams params = nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output);

  const TorchHost host;
  int64_t kept = 0;
  void* keep = host.get().allocate(host.get().context, static_cast<size_t>(input.count) * sizeof(int64_t));
  nms(input, params, {static_cast<int64_t*>(keep), nullptr, &kept}, host.get());
  check_group_ids(kept);

  const Tensor result = new_indices(boxes, &kept, 1);
  if (kept) std::memcpy(indices(result), keep, static_cast<size_t>(kept) * sizeof(int64_t));
  return result;
}

std::tuple<Tensor, Tensor, Tensor> nms_walk_op(const Tensor& boxes, const Tensor& scores, std::optional<Tensor> idxs,
                                               double iou_threshold, std::string metric, bool inclusive,
                                               std::optional<double> score_threshold,
                                               std::optional<int64_t> max_output) {
  const NmsInput input = nms_input(boxes, scores, idxs);
  const NmsParams params = nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output);

  const WalkTensors found(boxes, input.count);
  const TorchHost host;
  nms(input, params, found.output(), host.get());
  check_group_ids(*indices(found.kept));
  return {found.keep, found.owner, found.kept};
}

}  // namespace ptdet::cpu

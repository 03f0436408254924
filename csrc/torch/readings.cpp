// DIoU with a power, AND and merge: other readings of the greedy walk.
#include <cstring>

#include "torch/host.h"
#include "torch/method_arguments.h"
#include "torch/methods.h"
#include "torch/walk_tensors.h"

namespace ptdet::cpu {
namespace {

// The first `kept` indices of `keep`, in a tensor of their own.
Tensor kept_indices(const Tensor& like, const int64_t* keep, int64_t kept) {
  const Tensor result = new_indices(like, &kept, 1);
  if (kept) std::memcpy(indices(result), keep, static_cast<size_t>(kept) * sizeof(int64_t));
  return result;
}

int64_t* scratch_indices(const TorchHost& host, int64_t count) {
  return static_cast<int64_t*>(host.get().allocate(host.get().context, static_cast<size_t>(count + 1) * 8));
}

}  // namespace

std::tuple<Tensor, Tensor, Tensor> diou_nms_walk_op(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                    double iou_threshold, double beta, bool inclusive,
                                                    Least score_threshold, Limit max_output) {
  const NmsInput input = nms_input(boxes, scores, idxs);
  const WalkTensors walk(boxes, input.count);
  const TorchHost host;
  nms(input, diou_params(input.count, iou_threshold, beta, inclusive, score_threshold, max_output), walk.output(),
      host.get());
  check_group_ids(*indices(walk.kept));
  return {walk.keep, walk.owner, walk.kept};
}

Tensor and_nms_op(const Tensor& boxes, const Tensor& scores, Index idxs, double iou_threshold, double overlap_threshold,
                  std::string metric, bool inclusive, Least score_threshold, Limit max_output) {
  const NmsInput input = nms_input(boxes, scores, idxs);
  const NmsParams params = nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output);
  const TorchHost host;
  int64_t* keep = scratch_indices(host, input.count);
  int64_t kept = 0;
  and_nms(input, and_params(params, overlap_threshold), {keep, nullptr, &kept}, host.get());
  check_group_ids(kept);
  return kept_indices(boxes, keep, kept);
}

std::tuple<Tensor, Tensor, Tensor> and_nms_walk_op(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                   double iou_threshold, double overlap_threshold, std::string metric,
                                                   bool inclusive, Least score_threshold, Limit max_output) {
  const NmsInput input = nms_input(boxes, scores, idxs);
  const NmsParams params = nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output);
  const WalkTensors walk(boxes, input.count);
  const TorchHost host;
  and_nms(input, and_params(params, overlap_threshold), walk.output(), host.get());
  check_group_ids(*indices(walk.kept));
  return {walk.keep, walk.owner, walk.kept};
}

std::tuple<Tensor, Tensor> merge_nms_op(const Tensor& boxes, const Tensor& scores, Index idxs, double iou_threshold,
                                        std::string metric, bool inclusive, Least score_threshold, Limit max_output,
                                        std::string members, std::string weights) {
  const NmsInput input = nms_input(boxes, scores, idxs);
  const NmsParams params = nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output);
  const TorchHost host;
  int64_t* keep = scratch_indices(host, input.count);
  int64_t* owner = scratch_indices(host, input.count);
  const size_t row = input.boxes.type == Type::kFloat64 ? 32 : input.boxes.type == Type::kFloat32 ? 16 : 8;
  void* rows = host.get().allocate(host.get().context, static_cast<size_t>(input.count + 1) * row);
  int64_t kept = 0;
  merge_nms(input, merge_params(params, members, weights), {{keep, owner, &kept}, rows}, host.get());
  check_group_ids(kept);
  const Tensor merged = new_rows(boxes, kept, 4);
  if (kept) std::memcpy(merged.mutable_data_ptr(), rows, static_cast<size_t>(kept) * row);
  return {merged, kept_indices(boxes, keep, kept)};
}

std::tuple<Tensor, Tensor, Tensor, Tensor> merge_nms_walk_op(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                             double iou_threshold, std::string metric, bool inclusive,
                                                             Least score_threshold, Limit max_output,
                                                             std::string members, std::string weights) {
  const NmsInput input = nms_input(boxes, scores, idxs);
  const NmsParams params = nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output);
  const WalkTensors walk(boxes, input.count);
  const Tensor merged = new_rows(boxes, input.count, 4);
  const TorchHost host;
  merge_nms(input, merge_params(params, members, weights), {walk.output(), merged.mutable_data_ptr()}, host.get());
  check_group_ids(*indices(walk.kept));
  return {merged, walk.keep, walk.owner, walk.kept};
}

}  // namespace ptdet::cpu

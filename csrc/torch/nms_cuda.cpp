// Hard NMS on CUDA: torch sorts and allocates, the door does the rest. Only nms_op waits for the device, once.
#include "torch/cuda_host.h"
#include "torch/nms.h"

namespace ptdet::cuda {
namespace {

void run(const Tensor& like, const NmsInput& input, const NmsParams& params, const NmsOutput& output,
         cudaStream_t stream) {
  check(cudaMemsetAsync(output.kept, 0, sizeof(int64_t), stream));
  if (input.count == 0) return;
  const Sorting sorting(like, input, params, output.kept, stream);
  walk(like, input, params, sorting, output, stream);
  OnDeviceOf::check_launches();
}

}  // namespace

Tensor nms_op(const Tensor& boxes, const Tensor& scores, std::optional<Tensor> idxs, double iou_threshold,
              std::string metric, bool inclusive, std::optional<double> score_threshold,
              std::optional<int64_t> max_output) {
  const NmsInput input = nms_input(boxes, scores, idxs);
  const NmsParams params = nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output);
  const OnDeviceOf device(boxes);
  const cudaStream_t stream = device.stream();

  Tensor keep = new_indices(boxes, &input.count, 1);
  const Tensor kept = new_indices(boxes, nullptr, 0);
  run(boxes, input, params, {indices(keep), nullptr, indices(kept)}, stream);
  return torch::stable::clone(torch::stable::narrow(keep, 0, 0, count_kept(kept, stream)));
}

std::tuple<Tensor, Tensor, Tensor> nms_walk_op(const Tensor& boxes, const Tensor& scores, std::optional<Tensor> idxs,
                                               double iou_threshold, std::string metric, bool inclusive,
                                               std::optional<double> score_threshold,
                                               std::optional<int64_t> max_output) {
  const NmsInput input = nms_input(boxes, scores, idxs);
  const NmsParams params = nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output);
  const OnDeviceOf device(boxes);

  const Tensor keep = new_indices(boxes, &input.count, 1);
  const Tensor owner = new_indices(boxes, &input.count, 1);
  const Tensor kept = new_indices(boxes, nullptr, 0);
  run(boxes, input, params, {indices(keep), indices(owner), indices(kept)}, device.stream());
  return {keep, owner, kept};
}

}  // namespace ptdet::cuda

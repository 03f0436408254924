// Hard NMS on CUDA: torch sorts and allocates, the door does the rest. Only nms_op waits for the device, once.
#include <array>

#include "torch/arguments.h"
#include "torch/device.h"
#include "torch/nms.h"

namespace ptdet::cuda {
namespace {

Tensor new_tensor(const Tensor& like, int64_t count, ScalarType type) {
  return torch::stable::new_empty(like, {count}, type);
}

std::tuple<Tensor, Tensor> sort_ascending(const Tensor& keys) {
  using torch::stable::detail::from;
  std::array<StableIValue, 4> stack{from(keys), from(std::optional<bool>(true)), from(int64_t{0}), from(false)};
  TORCH_ERROR_CODE_CHECK(torch_call_dispatcher("aten::sort", "stable", stack.data(), TORCH_ABI_VERSION));
  return {torch::stable::detail::to<Tensor>(stack[0]), torch::stable::detail::to<Tensor>(stack[1])};
}

Tensor select_rows(const Tensor& values, const Tensor& rows) {
  using torch::stable::detail::from;
  std::array<StableIValue, 3> stack{from(values), from(int64_t{0}), from(rows)};
  TORCH_ERROR_CODE_CHECK(torch_call_dispatcher("aten::index_select", "", stack.data(), TORCH_ABI_VERSION));
  return torch::stable::detail::to<Tensor>(stack[0]);
}

void run(const Tensor& like, const NmsInput& input, const NmsParams& params, const NmsOutput& output,
         cudaStream_t stream) {
  check(cudaMemsetAsync(output.kept, 0, sizeof(int64_t), stream));
  if (input.count == 0) return;
  const bool wide = input.scores.type == Type::kFloat64;
  const Tensor keys = new_tensor(like, input.count, wide ? ScalarType::Long : ScalarType::Int);
  score_keys(input, params, keys.mutable_data_ptr(), stream);
  const Tensor by_score = std::get<1>(sort_ascending(keys));

  NmsSorted sorted{indices(by_score), nullptr, nullptr, keys.const_data_ptr()};
  std::optional<Tensor> groups, by_group;
  if (input.groups.data) {
    const Tensor group = new_tensor(like, input.count, ScalarType::Long);
    group_keys(input, sorted.by_score, indices(group), output.kept, stream);
    const auto [values, places] = sort_ascending(group);
    groups = values;
    by_group = select_rows(by_score, places);
    sorted.groups = indices(*groups);
    sorted.by_group = indices(*by_group);
  }
  const Tensor scratch = new_tensor(like, static_cast<int64_t>(nms_scratch_bytes(input)), ScalarType::Byte);
  nms(input, params, sorted, output, scratch.mutable_data_ptr(), stream);
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
  int64_t count = 0;
  check(cudaMemcpyAsync(&count, indices(kept), sizeof(count), cudaMemcpyDeviceToHost, stream));
  check(cudaStreamSynchronize(stream));
  check_group_ids(count);
  return torch::stable::clone(torch::stable::narrow(keep, 0, 0, count));
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

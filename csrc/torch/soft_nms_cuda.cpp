#include "torch/cuda_sorting.h"
#include "torch/soft_nms.h"

namespace ptdet::cuda {

void soft_nms(const NmsInput& input, const SoftParams& params, const SoftOutput& output, const Call& call) {
  call.clear(output.pass.kept);
  if (input.count == 0) return;
  const Sorting sorting(call, input, params.pass, output.pass.kept);
  const Scratch scratch(call, soft_scratch_bytes(input.count));
  const Tensor keys = Sorting::new_keys(call, input.count, input.scores.type);
  soft_nms(input, params, sorting.sorted, output.pass.kept, keys.mutable_data_ptr(), scratch, call);
  const Tensor order = std::get<1>(sort_ascending(keys));
  soft_result(input, params, sorting.sorted, indices(order), output, scratch, call);
}

}  // namespace ptdet::cuda

STABLE_TORCH_LIBRARY_IMPL(ptdet, PTDET_CUDA_KEY, m) { ptdet::operators::register_soft_nms<ptdet::cuda::Call>(m); }

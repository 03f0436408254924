#include "torch/box_fusion.h"
#include "torch/cuda_sorting.h"

namespace ptdet::cuda {

void wbf(const WbfInput& input, const WbfParams& params, const WbfOutput& output, const Call& call) {
  const int64_t count = input.pass.count;
  int64_t* const num_kept = output.pass.kept;
  call.clear(num_kept);
  if (count == 0) return;
  const Tensor keys = Sorting::new_keys(call, count, input.pass.boxes.type);
  wbf_keys(input, params, keys.mutable_data_ptr(), num_kept, call);
  const Sorting sorting(call, input.pass, keys, num_kept);
  const Scratch scratch(call, wbf_scratch_bytes(count));
  const Tensor best = Sorting::new_keys(call, count, input.pass.boxes.type);
  wbf(input, params, sorting.sorted, best.mutable_data_ptr(), scratch, call);
  const Tensor order = std::get<1>(sort_ascending(best));
  wbf_result(input, params, sorting.sorted, indices(order), output, scratch, call);
}

}  // namespace ptdet::cuda

STABLE_TORCH_LIBRARY_IMPL(ptdet, PTDET_CUDA_KEY, m) { ptdet::operators::register_box_fusion<ptdet::cuda::Call>(m); }

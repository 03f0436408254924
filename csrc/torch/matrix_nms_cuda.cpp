#include "torch/cuda_sorting.h"
#include "torch/matrix_nms.h"

namespace ptdet::cuda {

void fast_nms(const NmsInput& input, const NmsParams& params, const NmsOutput& output, const Call& call) {
  sort_and_pass(call, input, params, output, fast_scratch_bytes(input), &fast_nms);
}

void matrix_nms(const NmsInput& input, const MatrixParams& params, const SoftOutput& output, const Call& call) {
  call.clear(output.pass.kept);
  if (input.count == 0) return;
  const Sorting sorting(call, input, params.pass, output.pass.kept);
  const Scratch scratch(call, matrix_scratch_bytes(input.count));
  const Tensor keys = Sorting::new_keys(call, input.count, input.scores.type);
  matrix_nms(input, params, sorting.sorted, output.pass.owner, keys.mutable_data_ptr(), scratch, call);
  const Tensor order = std::get<1>(sort_ascending(keys));
  matrix_result(input, params, keys.const_data_ptr(), indices(order), output, scratch, call);
}

}  // namespace ptdet::cuda

STABLE_TORCH_LIBRARY_IMPL(ptdet, PTDET_CUDA_KEY, m) { ptdet::operators::register_matrix_nms<ptdet::cuda::Call>(m); }

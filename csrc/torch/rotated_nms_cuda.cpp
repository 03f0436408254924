#include "torch/cuda_sorting.h"
#include "torch/rotated_nms.h"

namespace ptdet::cuda {

void rotated_nms(const NmsInput& input, const NmsParams& params, const NmsOutput& output, const Call& call) {
  call.clear(output.kept);
  if (input.count == 0) return;
  const Sorting sorting(call, input, params, output.kept);
  rotated_nms(input, params, sorting.sorted, output, Scratch(call, rotated_nms_scratch_bytes(input.count)), call);
}

}  // namespace ptdet::cuda

STABLE_TORCH_LIBRARY_IMPL(ptdet, PTDET_CUDA_KEY, m) { ptdet::operators::register_rotated_nms<ptdet::cuda::Call>(m); }

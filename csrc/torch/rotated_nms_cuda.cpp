#include "torch/cuda_sorting.h"
#include "torch/rotated_nms.h"

namespace ptdet::cuda {

void rotated_nms(const NmsInput& input, const NmsParams& params, const NmsOutput& output, const Call& call) {
  sort_and_pass(call, input, params, output, rotated_nms_scratch_bytes(input.count), &rotated_nms);
}

}  // namespace ptdet::cuda

STABLE_TORCH_LIBRARY_IMPL(ptdet, PTDET_CUDA_KEY, m) { ptdet::operators::register_rotated_nms<ptdet::cuda::Call>(m); }

#include "torch/cuda_sorting.h"
#include "torch/nms.h"

namespace ptdet::cuda {

// torch sorts and allocates, the kernels do the rest.
void nms(const NmsInput& input, const NmsParams& params, const NmsOutput& output, const Call& call) {
  sort_and_pass(call, input, params, output, nms_scratch_bytes(input), &nms);
}

}  // namespace ptdet::cuda

STABLE_TORCH_LIBRARY_IMPL(ptdet, PTDET_CUDA_KEY, m) { ptdet::operators::register_nms<ptdet::cuda::Call>(m); }

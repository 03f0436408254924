#include "torch/cuda_sorting.h"
#include "torch/nms_variants.h"

namespace ptdet::cuda {

void nms(const NmsInput& input, const NmsParams& params, const NmsOutput& output, const Call& call);  // nms_cuda.cpp

void and_nms(const NmsInput& input, const AndParams& params, const NmsOutput& output, const Call& call) {
  NmsParams unlimited = params.pass;
  unlimited.max_output = input.count;
  nms(input, unlimited, output, call);
  if (input.count > 0) and_nms(input, params, output, Scratch(call, and_scratch_bytes(input.count)), call);
}

void adaptive_nms(const AdaptiveInput& input, const NmsParams& params, const NmsOutput& output, const Call& call) {
  call.clear(output.kept);
  if (input.pass.count == 0) return;
  const Sorting sorting(call, input.pass, params, output.kept);
  adaptive_nms(input, params, sorting.sorted, output, Scratch(call, adaptive_scratch_bytes(input.pass.count)), call);
}

}  // namespace ptdet::cuda

STABLE_TORCH_LIBRARY_IMPL(ptdet, PTDET_CUDA_KEY, m) { ptdet::operators::register_nms_variants<ptdet::cuda::Call>(m); }

#include "torch/batch.h"

#include "torch/cuda_call.h"

namespace ptdet::cuda {

void fill_slots(const SlotsInput& input, const SlotsOutput& output, const Call& call) {
  image_slots(input, output, Scratch(call, image_slots_scratch_bytes(input)), call);
}

}  // namespace ptdet::cuda

STABLE_TORCH_LIBRARY_IMPL(ptdet, PTDET_CUDA_KEY, m) { ptdet::operators::register_batch<ptdet::cuda::Call>(m); }

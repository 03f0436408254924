#include "torch/yolo.h"

#include "torch/cuda_call.h"

namespace ptdet::cuda {

// Waits for the device once: how many candidates there are shapes the results.
YoloResult yolo_candidates(const YoloInput& input, const YoloParams& params, int64_t* passed, const Call& call) {
  const Tensor total = new_indices(call.first(), nullptr, 0);
  call.clear(passed, input.images);
  call.clear(indices(total));
  const Scratch scratch(call, yolo_scratch_bytes(input));
  yolo_count(input, params, scratch, passed, indices(total), call);
  call.finish();
  const YoloResult result(call.first(), call.read(indices(total)), input.type);
  yolo_write(input, params, scratch, result.pointers(), call);
  return result;
}

}  // namespace ptdet::cuda

STABLE_TORCH_LIBRARY_IMPL(ptdet, PTDET_CUDA_KEY, m) { ptdet::operators::register_yolo<ptdet::cuda::Call>(m); }

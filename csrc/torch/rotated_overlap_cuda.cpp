#include "torch/rotated_overlap.h"

#include "torch/cuda_call.h"

STABLE_TORCH_LIBRARY_IMPL(ptdet, PTDET_CUDA_KEY, m) {
  ptdet::operators::register_rotated_overlap<ptdet::cuda::Call>(m);
}

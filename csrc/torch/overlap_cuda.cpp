#include "torch/overlap.h"

#include "torch/cuda_call.h"

STABLE_TORCH_LIBRARY_IMPL(ptdet, PTDET_CUDA_KEY, m) {
  m.impl("pairwise_overlap", TORCH_BOX(&ptdet::operators::pairwise_overlap<ptdet::cuda::Call>));
  m.impl("pairwise_overlap_backward", TORCH_BOX(&ptdet::operators::pairwise_overlap_backward<ptdet::cuda::Call>));
}

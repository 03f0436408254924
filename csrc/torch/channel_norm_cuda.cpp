#include "torch/channel_norm.h"

#include "torch/cuda_call.h"

STABLE_TORCH_LIBRARY_IMPL(ptdet, PTDET_CUDA_KEY, m) {
  m.impl("channel_norm", TORCH_BOX(&ptdet::operators::channel_norm<ptdet::cuda::Call>));
  m.impl("channel_norm_backward", TORCH_BOX(&ptdet::operators::channel_norm_backward<ptdet::cuda::Call>));
}

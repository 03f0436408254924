#include "torch/channel_norm.h"

#include "torch/cuda_call.h"

STABLE_TORCH_LIBRARY_IMPL(ptdet, PTDET_CUDA_KEY, m) { ptdet::operators::register_channel_norm<ptdet::cuda::Call>(m); }

#include "torch/channel_norm.h"

#include "torch/cpu_call.h"

STABLE_TORCH_LIBRARY_IMPL(ptdet, CPU, m) { ptdet::operators::register_channel_norm<ptdet::cpu::Call>(m); }

#include "torch/soft_nms.h"

#include "torch/cpu_call.h"

STABLE_TORCH_LIBRARY_IMPL(ptdet, CPU, m) { ptdet::operators::register_soft_nms<ptdet::cpu::Call>(m); }

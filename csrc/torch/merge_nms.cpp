#include "torch/merge_nms.h"

#include "torch/cpu_call.h"

STABLE_TORCH_LIBRARY_IMPL(ptdet, CPU, m) { ptdet::operators::register_merge_nms<ptdet::cpu::Call>(m); }

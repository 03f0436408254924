#include "torch/nms_variants.h"

#include "torch/cpu_call.h"

STABLE_TORCH_LIBRARY_IMPL(ptdet, CPU, m) { ptdet::operators::register_nms_variants<ptdet::cpu::Call>(m); }

#include "torch/rotated_nms.h"

#include "torch/cpu_call.h"

STABLE_TORCH_LIBRARY_IMPL(ptdet, CPU, m) { ptdet::operators::register_rotated_nms<ptdet::cpu::Call>(m); }

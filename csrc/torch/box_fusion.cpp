#include "torch/box_fusion.h"

#include "torch/cpu_call.h"

STABLE_TORCH_LIBRARY_IMPL(ptdet, CPU, m) { ptdet::operators::register_box_fusion<ptdet::cpu::Call>(m); }

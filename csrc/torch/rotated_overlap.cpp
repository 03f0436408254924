#include "torch/rotated_overlap.h"

#include "torch/cpu_call.h"

STABLE_TORCH_LIBRARY_IMPL(ptdet, CPU, m) { ptdet::operators::register_rotated_overlap<ptdet::cpu::Call>(m); }

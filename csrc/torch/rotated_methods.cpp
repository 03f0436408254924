#include "torch/rotated_methods.h"

#include "torch/cpu_call.h"

STABLE_TORCH_LIBRARY_IMPL(ptdet, CPU, m) { ptdet::operators::register_rotated_methods<ptdet::cpu::Call>(m); }

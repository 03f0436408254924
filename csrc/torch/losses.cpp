#include "torch/losses.h"

#include "torch/cpu_call.h"

STABLE_TORCH_LIBRARY_IMPL(ptdet, CPU, m) { ptdet::operators::register_losses<ptdet::cpu::Call>(m); }

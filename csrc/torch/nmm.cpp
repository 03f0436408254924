#include "torch/nmm.h"

#include "torch/cpu_call.h"

STABLE_TORCH_LIBRARY_IMPL(ptdet, CPU, m) { ptdet::operators::register_nmm<ptdet::cpu::Call>(m); }

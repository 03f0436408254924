#include "torch/nmm.h"

#include "torch/cpu_call.h"

STABLE_TORCH_LIBRARY_IMPL(ptdet, CPU, m) {
  m.impl("nmm_walk", TORCH_BOX(&ptdet::operators::nmm_walk<ptdet::cpu::Call>));
}

#include "torch/box_fusion.h"

#include "torch/cpu_call.h"

STABLE_TORCH_LIBRARY_IMPL(ptdet, CPU, m) {
  m.impl("wbf_walk", TORCH_BOX(&ptdet::operators::wbf_walk<ptdet::cpu::Call>));
}

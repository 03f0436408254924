#include "torch/soft_nms.h"

#include "torch/cpu_call.h"

STABLE_TORCH_LIBRARY_IMPL(ptdet, CPU, m) {
  m.impl("soft_nms_walk", TORCH_BOX(&ptdet::operators::soft_nms_walk<ptdet::cpu::Call>));
}

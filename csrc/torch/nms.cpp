#include "torch/nms.h"

#include "torch/cpu_call.h"

STABLE_TORCH_LIBRARY_IMPL(ptdet, CPU, m) {
  m.impl("nms", TORCH_BOX(&ptdet::operators::nms<ptdet::cpu::Call>));
  m.impl("nms_walk", TORCH_BOX(&ptdet::operators::nms_walk<ptdet::cpu::Call>));
}

#include "torch/nms_variants.h"

#include "torch/cpu_call.h"

STABLE_TORCH_LIBRARY_IMPL(ptdet, CPU, m) {
  m.impl("diou_nms_walk", TORCH_BOX(&ptdet::operators::diou_nms_walk<ptdet::cpu::Call>));
  m.impl("and_nms", TORCH_BOX(&ptdet::operators::and_nms<ptdet::cpu::Call>));
  m.impl("and_nms_walk", TORCH_BOX(&ptdet::operators::and_nms_walk<ptdet::cpu::Call>));
}

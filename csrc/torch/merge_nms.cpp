#include "torch/merge_nms.h"

#include "torch/cpu_call.h"

STABLE_TORCH_LIBRARY_IMPL(ptdet, CPU, m) {
  m.impl("merge_nms", TORCH_BOX(&ptdet::operators::merge_nms<ptdet::cpu::Call>));
  m.impl("merge_nms_walk", TORCH_BOX(&ptdet::operators::merge_nms_walk<ptdet::cpu::Call>));
}

#include "torch/matrix_nms.h"

#include "torch/cpu_call.h"

STABLE_TORCH_LIBRARY_IMPL(ptdet, CPU, m) {
  m.impl("fast_nms_walk", TORCH_BOX(&ptdet::operators::fast_nms_walk<ptdet::cpu::Call>));
  m.impl("matrix_nms_walk", TORCH_BOX(&ptdet::operators::matrix_nms_walk<ptdet::cpu::Call>));
}

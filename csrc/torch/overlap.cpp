#include "torch/overlap.h"

#include "torch/cpu_call.h"

STABLE_TORCH_LIBRARY_IMPL(ptdet, CPU, m) {
  m.impl("pairwise_overlap", TORCH_BOX(&ptdet::operators::pairwise_overlap<ptdet::cpu::Call>));
  m.impl("pairwise_overlap_backward", TORCH_BOX(&ptdet::operators::pairwise_overlap_backward<ptdet::cpu::Call>));
}

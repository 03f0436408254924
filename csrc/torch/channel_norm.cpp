#include "torch/channel_norm.h"

#include "torch/cpu_call.h"

STABLE_TORCH_LIBRARY_IMPL(ptdet, CPU, m) {
  m.impl("channel_norm", TORCH_BOX(&ptdet::operators::channel_norm<ptdet::cpu::Call>));
  m.impl("channel_norm_backward", TORCH_BOX(&ptdet::operators::channel_norm_backward<ptdet::cpu::Call>));
}

#include "torch/losses.h"

#include "torch/cpu_call.h"

STABLE_TORCH_LIBRARY_IMPL(ptdet, CPU, m) {
  m.impl("graded_box_loss", TORCH_BOX(&ptdet::operators::graded_box_loss<ptdet::cpu::Call>));
  m.impl("graded_box_loss_backward", TORCH_BOX(&ptdet::operators::graded_box_loss_backward<ptdet::cpu::Call>));
}

#include "torch/losses.h"

#include "torch/cuda_call.h"

STABLE_TORCH_LIBRARY_IMPL(ptdet, PTDET_CUDA_KEY, m) {
  m.impl("graded_box_loss", TORCH_BOX(&ptdet::operators::graded_box_loss<ptdet::cuda::Call>));
  m.impl("graded_box_loss_backward", TORCH_BOX(&ptdet::operators::graded_box_loss_backward<ptdet::cuda::Call>));
}

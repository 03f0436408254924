// All registrations of _C_cuda, nothing else.
#include <torch/csrc/stable/library.h>

#include "torch/channel_norm.h"
#include "torch/methods.h"
#include "torch/nms.h"
#include "torch/box_loss.h"
#include "torch/pairwise_overlap.h"
#include "torch/image_slots.h"
#include "torch/yolo.h"

STABLE_TORCH_LIBRARY_IMPL(ptdet, CUDA, m) {
  m.impl("nms", TORCH_BOX(&ptdet::cuda::nms_op));
  m.impl("nms_walk", TORCH_BOX(&ptdet::cuda::nms_walk_op));
  m.impl("channel_norm", TORCH_BOX(&ptdet::cuda::channel_norm_op));
  m.impl("channel_norm_backward", TORCH_BOX(&ptdet::cuda::channel_norm_backward_op));
  m.impl("pairwise_overlap", TORCH_BOX(&ptdet::cuda::pairwise_overlap_op));
  m.impl("pairwise_overlap_backward", TORCH_BOX(&ptdet::cuda::pairwise_overlap_backward_op));
  m.impl("graded_box_loss", TORCH_BOX(&ptdet::cuda::box_loss_op));
  m.impl("graded_box_loss_backward", TORCH_BOX(&ptdet::cuda::box_loss_backward_op));
}

STABLE_TORCH_LIBRARY_IMPL(ptdet, CUDA, m) {
  m.impl("yolo_filter", TORCH_BOX(&ptdet::cuda::yolo_filter_op));
  m.impl("image_slots", TORCH_BOX(&ptdet::cuda::image_slots_op));
  m.impl("diou_nms_walk", TORCH_BOX(&ptdet::cuda::diou_nms_walk_op));
  m.impl("and_nms", TORCH_BOX(&ptdet::cuda::and_nms_op));
  m.impl("and_nms_walk", TORCH_BOX(&ptdet::cuda::and_nms_walk_op));
  m.impl("merge_nms", TORCH_BOX(&ptdet::cuda::merge_nms_op));
  m.impl("merge_nms_walk", TORCH_BOX(&ptdet::cuda::merge_nms_walk_op));
  m.impl("nmm_walk", TORCH_BOX(&ptdet::cuda::nmm_walk_op));
  m.impl("soft_nms_walk", TORCH_BOX(&ptdet::cuda::soft_nms_walk_op));
  m.impl("fast_nms_walk", TORCH_BOX(&ptdet::cuda::fast_nms_walk_op));
  m.impl("matrix_nms_walk", TORCH_BOX(&ptdet::cuda::matrix_nms_walk_op));
  m.impl("wbf_walk", TORCH_BOX(&ptdet::cuda::wbf_walk_op));
}

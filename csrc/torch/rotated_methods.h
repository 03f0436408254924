// The other suppressions of rotated boxes, and fusion: the operators of axis-aligned ones, given five numbers a box.
#pragma once

#include "torch/box_fusion.h"
#include "torch/matrix_nms.h"
#include "torch/merge_nms.h"
#include "torch/nmm.h"
#include "torch/nms_variants.h"
#include "torch/soft_nms.h"

namespace ptdet::operators {

template <typename Call>
void register_rotated_methods(torch::stable::detail::StableLibrary& m) {
  m.impl("rotated_and_nms", TORCH_BOX((&and_nms<Call, 5>)));
  m.impl("rotated_and_nms_walk", TORCH_BOX((&and_nms_walk<Call, 5>)));
  m.impl("rotated_adaptive_nms_walk", TORCH_BOX((&adaptive_nms_walk<Call, 5>)));
  m.impl("rotated_soft_nms_walk", TORCH_BOX((&soft_nms_walk<Call, 5>)));
  m.impl("rotated_matrix_nms_walk", TORCH_BOX((&matrix_nms_walk<Call, 5>)));
  m.impl("rotated_merge_nms_walk", TORCH_BOX((&merge_nms_walk<Call, 5>)));
  m.impl("rotated_nmm_walk", TORCH_BOX((&nmm_walk<Call, 5>)));
  m.impl("rotated_wbf_walk", TORCH_BOX((&wbf_walk<Call, 5>)));
}

}  // namespace ptdet::operators

// All registrations of _C, nothing else. The schemas are those of ptdet/schemas.txt, compiled in by setup.py.
#include <torch/csrc/stable/library.h>

#include "kernels.h"
#include "torch/batch.h"
#include "torch/channel_norm.h"
#include "torch/methods.h"
#include "torch/nms.h"
#include "torch/box_loss.h"
#include "torch/pairwise_overlap.h"
#include "torch/image_slots.h"
#include "torch/yolo.h"

#if defined(__clang__)
#define PTDET_COMPILER "clang " __clang_version__
#else
#define PTDET_COMPILER "gcc " __VERSION__
#endif

#define PTDET_QUOTED(x) #x
#define PTDET_TEXT(x) PTDET_QUOTED(x)

namespace {

std::string build_info() {
  std::string possible;
  for (int i = 0; const char* name = ptdet::cpu::possible_instruction_set(i); ++i) {
    possible += (i == 0 ? "" : ", ") + std::string(name);
  }
  return std::string("instruction_set=") + ptdet::cpu::instruction_set() + ";instruction_sets=" + possible +
         ";compiler=" PTDET_COMPILER ";built_with_torch=" PTDET_TEXT(PTDET_BUILT_WITH_TORCH);
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(ptdet, m) {
#define PTDET_SCHEMA(schema) m.def(schema);
#include "schemas.inc"
#undef PTDET_SCHEMA
  m.def("_build_info() -> str");
}

STABLE_TORCH_LIBRARY_IMPL(ptdet, CompositeExplicitAutograd, m) { m.impl("_build_info", TORCH_BOX(&build_info)); }

STABLE_TORCH_LIBRARY_IMPL(ptdet, CPU, m) {
  m.impl("nms", TORCH_BOX(&ptdet::cpu::nms_op));
  m.impl("nms_walk", TORCH_BOX(&ptdet::cpu::nms_walk_op));
  m.impl("channel_norm", TORCH_BOX(&ptdet::cpu::channel_norm_op));
  m.impl("channel_norm_backward", TORCH_BOX(&ptdet::cpu::channel_norm_backward_op));
  m.impl("pairwise_overlap", TORCH_BOX(&ptdet::cpu::pairwise_overlap_op));
  m.impl("pairwise_overlap_backward", TORCH_BOX(&ptdet::cpu::pairwise_overlap_backward_op));
  m.impl("graded_box_loss", TORCH_BOX(&ptdet::cpu::box_loss_op));
  m.impl("graded_box_loss_backward", TORCH_BOX(&ptdet::cpu::box_loss_backward_op));
  m.impl("yolo_filter", TORCH_BOX(&ptdet::cpu::yolo_filter_op));
  m.impl("image_slots", TORCH_BOX(&ptdet::cpu::image_slots_op));
  m.impl("yolo_postprocess", TORCH_BOX(&ptdet::cpu::yolo_postprocess_op));
  m.impl("yolo_pipeline", TORCH_BOX(&ptdet::cpu::yolo_pipeline_op));
  m.impl("ragged_groups", TORCH_BOX(&ptdet::cpu::ragged_groups_op));
  m.impl("image_order", TORCH_BOX(&ptdet::cpu::image_order_op));
  m.impl("rows_at", TORCH_BOX(&ptdet::cpu::rows_at_op));
  m.impl("class_candidates", TORCH_BOX(&ptdet::cpu::class_candidates_op));
}

STABLE_TORCH_LIBRARY_IMPL(ptdet, CPU, m) {
  m.impl("diou_nms_walk", TORCH_BOX(&ptdet::cpu::diou_nms_walk_op));
  m.impl("and_nms", TORCH_BOX(&ptdet::cpu::and_nms_op));
  m.impl("and_nms_walk", TORCH_BOX(&ptdet::cpu::and_nms_walk_op));
  m.impl("merge_nms", TORCH_BOX(&ptdet::cpu::merge_nms_op));
  m.impl("merge_nms_walk", TORCH_BOX(&ptdet::cpu::merge_nms_walk_op));
  m.impl("nmm_walk", TORCH_BOX(&ptdet::cpu::nmm_walk_op));
  m.impl("soft_nms_walk", TORCH_BOX(&ptdet::cpu::soft_nms_walk_op));
  m.impl("fast_nms_walk", TORCH_BOX(&ptdet::cpu::fast_nms_walk_op));
  m.impl("matrix_nms_walk", TORCH_BOX(&ptdet::cpu::matrix_nms_walk_op));
  m.impl("wbf_walk", TORCH_BOX(&ptdet::cpu::wbf_walk_op));
}

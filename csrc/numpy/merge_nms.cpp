// Merge-NMS and Cluster-NMS.
#include "numpy/registration.h"
#include "numpy/results.h"

namespace ptdet {
namespace {

// kNumbers: of a box.
template <int64_t kNumbers>
py::object merge_nms(const py::object& boxes, const py::object& scores, const py::object& idxs,
                     const py::object& iou_threshold, const py::object& metric, const py::object& inclusive,
                     const py::object& score_threshold, const py::object& max_output, const py::object& return_owner,
                     const py::object& members, const py::object& weights) {
  const Candidates candidates(boxes, scores, idxs, kNumbers);
  const MergeParams params{nms_params(candidates, iou_threshold, metric, inclusive, score_threshold, max_output),
                           named("members", members, kMembers), named("weights", weights, kWeightsByOverlap)};
  return rows_kept_by(candidates, candidates.boxes.dtype(), kNumbers, return_owner,
                      [&](const NmsOutput& output, void* merged, const cpu::Host& host) {
                        cpu::merge_nms(candidates.input(), params, {output, merged}, host);
                      });
}

const Registration register_merge_nms([](py::module_& m) {
  m.def("merge_nms", &merge_nms<4>);
  m.def("rotated_merge_nms", &merge_nms<5>);
});

}  // namespace
}  // namespace ptdet

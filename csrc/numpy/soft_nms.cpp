// Soft-NMS.
#include "numpy/registration.h"
#include "numpy/results.h"

namespace ptdet {
namespace {

template <int64_t kNumbers>
py::object soft_nms(const py::object& boxes, const py::object& scores, const py::object& idxs,
                    const py::object& iou_threshold, const py::object& metric, const py::object& inclusive,
                    const py::object& score_threshold, const py::object& max_output, const py::object& return_owner,
                    const py::object& sigma, const py::object& min_score, const py::object& kind,
                    const py::object& reselect) {
  const Candidates candidates(boxes, scores, idxs, kNumbers);
  const SoftParams params{nms_params(candidates, iou_threshold, metric, inclusive, score_threshold, max_output),
                          positive_of("sigma", sigma), number_of("min_score", min_score), named("kind", kind, kDecays),
                          flag_of("reselect", reselect)};
  return rows_kept_by(candidates, candidates.scores.dtype(), 1, return_owner,
                      [&](const NmsOutput& output, void* scores_left, const cpu::Host& host) {
                        cpu::soft_nms(candidates.input(), params, {output, scores_left}, host);
                      });
}

const Registration register_soft_nms([](py::module_& m) {
  m.def("soft_nms", &soft_nms<4>);
  m.def("rotated_soft_nms", &soft_nms<5>);
});

}  // namespace
}  // namespace ptdet

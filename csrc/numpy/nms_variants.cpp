// The variants of the greedy pass that are not calls of nms.
#include "numpy/registration.h"
#include "numpy/results.h"

namespace ptdet {
namespace {

py::object and_nms(const py::object& boxes, const py::object& scores, const py::object& idxs,
                   const py::object& iou_threshold, const py::object& metric, const py::object& inclusive,
                   const py::object& score_threshold, const py::object& max_output, const py::object& return_owner,
                   const py::object& overlap_threshold) {
  const Candidates candidates(boxes, scores, idxs);
  const AndParams params{nms_params(candidates.count(), iou_threshold, metric, inclusive, score_threshold, max_output),
                         number_of("overlap_threshold", overlap_threshold)};
  return kept_by(candidates, return_owner, [&](const NmsOutput& output, const cpu::Host& host) {
    cpu::and_nms(candidates.input(), params, output, host);
  });
}

py::object adaptive_nms(const py::object& boxes, const py::object& scores, const py::object& idxs,
                        const py::object& densities, const py::object& iou_threshold, const py::object& metric,
                        const py::object& inclusive, const py::object& score_threshold, const py::object& max_output,
                        const py::object& return_owner) {
  const Candidates candidates(boxes, scores, idxs);
  const Numbers numbers("densities", densities, candidates);
  const NmsParams params =
      nms_params(candidates.count(), iou_threshold, metric, inclusive, score_threshold, max_output);
  return kept_by(
      candidates, return_owner,
      [&](const NmsOutput& output, const cpu::Host& host) {
        cpu::adaptive_nms({candidates.input(), numbers.column()}, params, output, host);
      },
      false, "densities");
}

const Registration register_nms_variants([](py::module_& m) {
  m.def("and_nms", &and_nms);
  m.def("adaptive_nms", &adaptive_nms);
});

}  // namespace
}  // namespace ptdet

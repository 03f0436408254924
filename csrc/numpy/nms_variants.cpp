// The variants of the greedy pass that are not calls of nms.
#include "numpy/registration.h"
#include "numpy/results.h"

namespace ptdet {
namespace {

template <int64_t kNumbers>
py::object and_nms(const py::object& boxes, const py::object& scores, const py::object& idxs,
                   const py::object& iou_threshold, const py::object& metric, const py::object& inclusive,
                   const py::object& score_threshold, const py::object& max_output, const py::object& return_owner,
                   const py::object& overlap_threshold) {
  const Candidates candidates(boxes, scores, idxs, kNumbers);
  const AndParams params{nms_params(candidates, iou_threshold, metric, inclusive, score_threshold, max_output),
                         number_of("overlap_threshold", overlap_threshold)};
  return kept_by(candidates, return_owner, [&](const NmsOutput& output, const cpu::Host& host) {
    cpu::and_nms(candidates.input(), params, output, host);
  });
}

template <int64_t kNumbers>
py::object adaptive_nms(const py::object& boxes, const py::object& scores, const py::object& idxs,
                        const py::object& densities, const py::object& iou_threshold, const py::object& metric,
                        const py::object& inclusive, const py::object& score_threshold, const py::object& max_output,
                        const py::object& return_owner) {
  const Candidates candidates(boxes, scores, idxs, kNumbers);
  const Numbers numbers("densities", densities, candidates);
  const NmsParams params = nms_params(candidates, iou_threshold, metric, inclusive, score_threshold, max_output);
  return kept_by(
      candidates, return_owner,
      [&](const NmsOutput& output, const cpu::Host& host) {
        cpu::adaptive_nms({candidates.input(), numbers.column()}, params, output, host);
      },
      false, "densities");
}

const Registration register_nms_variants([](py::module_& m) {
  m.def("and_nms", &and_nms<4>);
  m.def("rotated_and_nms", &and_nms<5>);
  m.def("adaptive_nms", &adaptive_nms<4>);
  m.def("rotated_adaptive_nms", &adaptive_nms<5>);
});

}  // namespace
}  // namespace ptdet

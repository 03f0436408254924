// Fast NMS and Matrix NMS.
#include "numpy/registration.h"
#include "numpy/results.h"

namespace ptdet {
namespace {

template <int64_t kNumbers>
py::object fast_nms(const py::object& boxes, const py::object& scores, const py::object& idxs,
                    const py::object& iou_threshold, const py::object& metric, const py::object& inclusive,
                    const py::object& score_threshold, const py::object& max_output, const py::object& return_owner) {
  const Candidates candidates(boxes, scores, idxs, kNumbers);
  const NmsParams params = nms_params(candidates, iou_threshold, metric, inclusive, score_threshold, max_output);
  const auto run = [&](const NmsOutput& output, const cpu::Host& host) {
    cpu::fast_nms(candidates.input(), params, output, host);
  };
  return kept_by(candidates, return_owner, run, true);
}

template <int64_t kNumbers>
py::object matrix_nms(const py::object& boxes, const py::object& scores, const py::object& idxs,
                      const py::object& metric, const py::object& score_threshold, const py::object& max_output,
                      const py::object& return_owner, const py::object& sigma, const py::object& min_score,
                      const py::object& kind) {
  const Candidates candidates(boxes, scores, idxs, kNumbers);
  const MatrixParams params{
      nms_params(candidates, py::float_(0.0), metric, py::bool_(false), score_threshold, max_output),
      positive_of("sigma", sigma), number_of("min_score", min_score), named("kind", kind, kMatrixDecays)};
  return rows_kept_by(candidates, candidates.scores.dtype(), 1, return_owner,
                      [&](const NmsOutput& output, void* scores_left, const cpu::Host& host) {
                        cpu::matrix_nms(candidates.input(), params, {output, scores_left}, host);
                      });
}

const Registration register_matrix_nms([](py::module_& m) {
  m.def("fast_nms", &fast_nms<4>);
  m.def("rotated_fast_nms", &fast_nms<5>);
  m.def("matrix_nms", &matrix_nms<4>);
  m.def("rotated_matrix_nms", &matrix_nms<5>);
});

}  // namespace
}  // namespace ptdet

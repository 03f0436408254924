// Hard NMS of rotated boxes.
#include "numpy/registration.h"
#include "numpy/results.h"

namespace ptdet {
namespace {

py::object rotated_nms(const py::object& boxes, const py::object& scores, const py::object& idxs,
                       const py::object& iou_threshold, const py::object& metric, const py::object& inclusive,
                       const py::object& score_threshold, const py::object& max_output, const py::object& return_owner,
                       const py::object& beta) {
  const Candidates candidates(boxes, scores, idxs, 5);
  NmsParams params = nms_params(candidates, iou_threshold, metric, inclusive, score_threshold, max_output);
  if (!beta.is_none()) params.beta = positive_of("beta", beta);
  return kept_by(candidates, return_owner, [&](const NmsOutput& output, const cpu::Host& host) {
    cpu::rotated_nms(candidates.input(), params, output, host);
  });
}

const Registration register_rotated_nms([](py::module_& m) { m.def("rotated_nms", &rotated_nms); });

}  // namespace
}  // namespace ptdet

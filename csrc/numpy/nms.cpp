// Hard NMS of any arguments.
#include "numpy/quick.h"
#include "numpy/results.h"

namespace ptdet {

py::object nms_of_arrays(const py::object& boxes, const py::object& scores, const py::object& idxs,
                         const py::object& iou_threshold, const py::object& metric, const py::object& inclusive,
                         const py::object& score_threshold, const py::object& max_output,
                         const py::object& return_owner, const py::object& beta) {
  const Candidates candidates(boxes, scores, idxs);
  NmsParams params = nms_params(candidates.count(), iou_threshold, metric, inclusive, score_threshold, max_output);
  if (!beta.is_none()) params.beta = positive_of("beta", beta);
  return kept_by(candidates, return_owner, [&](const NmsOutput& output, const cpu::Host& host) {
    cpu::nms(candidates.input(), params, output, host);
  });
}

}  // namespace ptdet

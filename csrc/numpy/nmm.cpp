// Non-maximum merging, greedy and not.
#include "numpy/registration.h"
#include "numpy/results.h"

namespace ptdet {
namespace {

py::object nmm(const py::object& boxes, const py::object& scores, const py::object& idxs,
               const py::object& match_threshold, const py::object& metric, const py::object& inclusive,
               const py::object& score_threshold, const py::object& max_output, const py::object& return_owner,
               bool members_propagate) {
  const Candidates candidates(boxes, scores, idxs);
  const NmmParams params{nms_params(candidates.count(), match_threshold, metric, inclusive, score_threshold, max_output,
                                    "match_threshold"),
                         members_propagate};
  return rows_kept_by(candidates, candidates.boxes.dtype(), 4, return_owner,
                      [&](const NmsOutput& output, void* grown, const cpu::Host& host) {
                        cpu::nmm(candidates.input(), params, {output, grown, nullptr}, host);
                      });
}

const Registration register_nmm([](py::module_& m) { m.def("merging", &nmm); });

}  // namespace
}  // namespace ptdet

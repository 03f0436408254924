// Non-maximum merging, greedy and not.
#include "numpy/registration.h"
#include "numpy/results.h"

namespace ptdet {
namespace {

// kNumbers: of a box.
template <int64_t kNumbers>
py::object nmm(const py::object& boxes, const py::object& scores, const py::object& idxs,
               const py::object& match_threshold, const py::object& metric, const py::object& inclusive,
               const py::object& score_threshold, const py::object& max_output, const py::object& return_owner,
               bool members_propagate) {
  const Candidates candidates(boxes, scores, idxs, kNumbers);
  const NmmParams params{
      nms_params(candidates, match_threshold, metric, inclusive, score_threshold, max_output, "match_threshold"),
      members_propagate};
  return rows_kept_by(candidates, candidates.boxes.dtype(), kNumbers, return_owner,
                      [&](const NmsOutput& output, void* grown, const cpu::Host& host) {
                        cpu::nmm(candidates.input(), params, {output, grown, nullptr}, host);
                      });
}

const Registration register_nmm([](py::module_& m) {
  m.def("nmm", &nmm<4>);
  m.def("rotated_nmm", &nmm<5>);
});

}  // namespace
}  // namespace ptdet

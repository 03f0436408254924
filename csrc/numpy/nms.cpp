#include "numpy/results.h"
#include "numpy/suppression.h"

namespace ptdet {
namespace {

// keep, or (keep, owner): what `kernel(input, output, host)` finds.
template <typename Kernel>
py::object walked(const Candidates& candidates, const py::object& return_owner, Kernel&& kernel,
                  bool needs_owner = false) {
  const bool wants_owner = flag_of("return_owner", return_owner);
  const NmsInput input = candidates.input();
  NumpyHost host;
  WalkMemory walk(host, input.count, wants_owner || needs_owner);
  {
    const Unlocked others_may_run;
    kernel(input, walk.output(), host.get());
  }
  if (wants_owner) return py::make_tuple(walk.keep(), walk.owner());
  return walk.keep();
}

}  // namespace

py::object nms_of_arrays(const py::object& boxes, const py::object& scores, const py::object& idxs,
                         const py::object& iou_threshold, const py::object& metric, const py::object& inclusive,
                         const py::object& score_threshold, const py::object& max_output,
                         const py::object& return_owner, const py::object& beta) {
  const Candidates candidates(boxes, scores, idxs);
  NmsParams params = nms_params(candidates.count(), iou_threshold, metric, inclusive, score_threshold, max_output);
  if (!beta.is_none()) params.beta = positive_of("beta", beta);
  return walked(candidates, return_owner, [&](const NmsInput& input, const NmsOutput& output, const cpu::Host& host) {
    cpu::nms(input, params, output, host);
  });
}

py::object and_nms_of_arrays(const py::object& boxes, const py::object& scores, const py::object& idxs,
                             const py::object& iou_threshold, const py::object& metric, const py::object& inclusive,
                             const py::object& score_threshold, const py::object& max_output,
                             const py::object& return_owner, const py::object& overlap_threshold) {
  const Candidates candidates(boxes, scores, idxs);
  const AndParams params{nms_params(candidates.count(), iou_threshold, metric, inclusive, score_threshold, max_output),
                         number_of("overlap_threshold", overlap_threshold)};
  return walked(candidates, return_owner, [&](const NmsInput& input, const NmsOutput& output, const cpu::Host& host) {
    cpu::and_nms(input, params, output, host);
  });
}

py::object fast_nms_of_arrays(const py::object& boxes, const py::object& scores, const py::object& idxs,
                              const py::object& iou_threshold, const py::object& metric, const py::object& inclusive,
                              const py::object& score_threshold, const py::object& max_output,
                              const py::object& return_owner) {
  const Candidates candidates(boxes, scores, idxs);
  const NmsParams params =
      nms_params(candidates.count(), iou_threshold, metric, inclusive, score_threshold, max_output);
  const auto kernel = [&](const NmsInput& input, const NmsOutput& output, const cpu::Host& host) {
    cpu::fast_nms(input, params, output, host);
  };
  return walked(candidates, return_owner, kernel, true);
}

}  // namespace ptdet

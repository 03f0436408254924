#include "numpy/nms.h"

#include <cstring>

#include "numpy/arguments.h"
#include "numpy/host.h"

namespace ptdet {

py::object nms_of_arrays(const py::object& boxes, const py::object& scores, const py::object& idxs,
                         const py::object& iou_threshold, const py::object& metric, const py::object& inclusive,
                         const py::object& score_threshold, const py::object& max_output, bool return_owner) {
  const Candidates candidates(boxes, scores, idxs);
  const NmsInput input = candidates.input();
  const NmsParams params = nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output);

  NumpyHost host;
  int64_t kept = 0;
  int64_t* keep = host.allocate<int64_t>(input.count);
  py::array_t<int64_t> owner;
  if (return_owner) owner = py::array_t<int64_t>(input.count);
  int64_t* owners = return_owner ? owner.mutable_data() : nullptr;
  {
    const py::gil_scoped_release others_may_run;
    cpu::nms(input, params, {keep, owners, &kept}, host.get());
  }
  check_group_ids(kept);

  py::array_t<int64_t> result(kept);
  if (kept) std::memcpy(result.mutable_data(), keep, static_cast<size_t>(kept) * sizeof(int64_t));
  if (return_owner) return py::make_tuple(result, owner);
  return result;
}

}  // namespace ptdet

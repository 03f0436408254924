#include <cmath>

#include "numpy/registration.h"
#include "numpy/results.h"

namespace ptdet {
namespace {

Readable box_set(const char* name, const py::object& given, int64_t numbers) {
  Readable boxes(name, given);
  boxes.expect_shape(boxes.dims() == 2 && boxes.size(1) == numbers, "(N, " + std::to_string(numbers) + ")");
  if (!holds_coordinates(boxes.type()))
    throw py::type_error(std::string(name) + ": expected floats or integers, got " +
                         py::str(boxes.dtype()).cast<std::string>());
  return boxes;
}

// run(input, out, host) with two sets of boxes of so many numbers.
template <typename Run>
py::object overlaps_of(const py::object& boxes1, const py::object& boxes2, int64_t numbers, const OverlapParams& params,
                       Run&& run) {
  const Readable a = box_set("boxes1", boxes1, numbers), b = box_set("boxes2", boxes2, numbers);
  PairwiseInput input;
  input.params = params;
  input.rows = a.size(0);
  input.columns = b.size(0);
  input.a = {a.data(), a.stride(0), a.stride(1), a.type()};
  input.b = {b.data(), b.stride(0), b.stride(1), b.type()};
  const bool wide = a.type() == Type::kFloat64 || b.type() == Type::kFloat64;
  py::array found(wide ? py::dtype::of<double>() : py::dtype::of<float>(),
                  std::vector<py::ssize_t>{input.rows, input.columns});
  if (found.size() == 0) return found;
  NumpyHost host;
  void* out = found.mutable_data();
  {
    const Unlocked others_may_run;
    run(input, out, host.get());
  }
  return found;
}

py::object pairwise_overlap(const py::object& boxes1, const py::object& boxes2, const py::object& kind,
                            const py::object& eps) {
  OverlapParams params;
  params.metric = named("kind", kind, kMetrics);
  params.epsilon = number_of("eps", eps);
  if (!(params.epsilon >= 0) || std::isinf(params.epsilon))
    throw py::value_error("eps: expected a finite number >= 0, got " + py::str(eps).cast<std::string>());
  return overlaps_of(boxes1, boxes2, 4, params, &cpu::pairwise_overlap);
}

py::object rotated_pairwise_overlap(const py::object& boxes1, const py::object& boxes2, const py::object& kind) {
  OverlapParams params;
  params.metric = named("kind", kind, kRotatedMetrics);
  return overlaps_of(boxes1, boxes2, 5, params, &cpu::rotated_pairwise_overlap);
}

const Registration register_overlap([](py::module_& m) {
  m.def("pairwise_overlap", &pairwise_overlap);
  m.def("rotated_pairwise_overlap", &rotated_pairwise_overlap);
});

}  // namespace
}  // namespace ptdet

#include <cmath>

#include "numpy/registration.h"
#include "numpy/results.h"

namespace ptdet {
namespace {

Readable box_set(const char* name, const py::object& given) {
  Readable boxes(name, given);
  boxes.expect_shape(boxes.dims() == 2 && boxes.size(1) == 4, "(N, 4)");
  if (!holds_coordinates(boxes.type()))
    throw py::type_error(std::string(name) + ": expected floats or integers, got " +
                         py::str(boxes.dtype()).cast<std::string>());
  return boxes;
}

py::object pairwise_overlap(const py::object& boxes1, const py::object& boxes2, const py::object& kind,
                            const py::object& eps) {
  const Readable a = box_set("boxes1", boxes1), b = box_set("boxes2", boxes2);
  PairwiseInput input;
  input.rows = a.size(0);
  input.columns = b.size(0);
  input.a = {a.data(), a.stride(0), a.stride(1), a.type()};
  input.b = {b.data(), b.stride(0), b.stride(1), b.type()};
  input.params.metric = named("kind", kind, kMetrics);
  input.params.epsilon = number_of("eps", eps);
  if (!(input.params.epsilon >= 0) || std::isinf(input.params.epsilon))
    throw py::value_error("eps: expected a finite number >= 0, got " + py::str(eps).cast<std::string>());

  const bool wide = a.type() == Type::kFloat64 || b.type() == Type::kFloat64;
  py::array found(wide ? py::dtype::of<double>() : py::dtype::of<float>(),
                  std::vector<py::ssize_t>{input.rows, input.columns});
  if (found.size() == 0) return found;
  NumpyHost host;
  void* out = found.mutable_data();
  {
    const Unlocked others_may_run;
    cpu::pairwise_overlap(input, out, host.get());
  }
  return found;
}

const Registration register_overlap([](py::module_& m) { m.def("pairwise_overlap", &pairwise_overlap); });

}  // namespace
}  // namespace ptdet

#include "numpy/quick.h"

#include <cmath>
#include <cstring>

#include "numpy/arguments.h"
#include "numpy/host.h"

namespace ptdet {
namespace {

constexpr int64_t kMost = 128;  // so few are done in 3 us: others need the lock of the interpreter no sooner
constexpr Py_ssize_t kArguments = 10;

const py::detail::npy_api& numpy() { return py::detail::npy_api::get(); }

// NumPy's numbers of types.
bool type_of_number(int number, Type& type, int64_t& bytes) {
  using Npy = py::detail::npy_api;
  switch (number) {
    case Npy::NPY_DOUBLE_: type = Type::kFloat64, bytes = 8; return true;
    case Npy::NPY_FLOAT_: type = Type::kFloat32, bytes = 4; return true;
    case Npy::NPY_INT64_: type = Type::kInt64, bytes = 8; return true;
    case Npy::NPY_INT32_: type = Type::kInt32, bytes = 4; return true;
    default: return false;
  }
}

// An array's own fields.
struct View {
  const py::detail::PyArray_Proxy* array;
  Type type;
  int64_t bytes;

  bool read(PyObject* given, int dims) {
    if (Py_TYPE(given) != numpy().PyArray_Type_) return false;
    array = py::detail::array_proxy(given);
    const auto* dtype = py::detail::array_descriptor_proxy(array->descr);
    const bool own_order = dtype->byteorder == '=' || dtype->byteorder == '|';
    if (array->nd != dims || !own_order || !(array->flags & py::detail::npy_api::NPY_ARRAY_ALIGNED_)) return false;
    if (!type_of_number(dtype->type_num, type, bytes)) return false;
    for (int axis = 0; axis < dims; ++axis)
      if (array->strides[axis] % bytes != 0) return false;
    return true;
  }
  int64_t stride(int axis) const { return array->strides[axis] / bytes; }
  bool is_floating() const { return ptdet::is_floating(type); }
};

bool read_input(PyObject* boxes, PyObject* scores, PyObject* idxs, NmsInput& input) {
  View own;
  if (!own.read(boxes, 2) || !own.is_floating() || own.array->dimensions[1] != 4) return false;
  input.count = own.array->dimensions[0];
  if (input.count > kMost) return false;
  input.boxes = {own.array->data, own.stride(0), own.stride(1), own.type};
  if (!own.read(scores, 1) || !own.is_floating() || own.array->dimensions[0] != input.count) return false;
  input.scores = {own.array->data, own.stride(0), own.type};
  if (idxs == Py_None) return true;
  if (!own.read(idxs, 1) || own.array->dimensions[0] != input.count) return false;
  input.groups = {own.array->data, own.stride(0), own.type};
  return true;
}

bool read_number(PyObject* given, double& number) {
  if (!PyFloat_CheckExact(given)) return false;
  number = PyFloat_AS_DOUBLE(given);
  return !std::isnan(number);
}

bool read_params(PyObject* const* given, int64_t count, NmsParams& params) {
  PyObject *metric = given[1], *inclusive = given[2], *least = given[3], *limit = given[4];
  if (!read_number(given[0], params.iou_threshold)) return false;
  if (!find_named(metric, kMetrics, params.metric)) return false;
  if (inclusive != Py_True && inclusive != Py_False) return false;
  params.inclusive = inclusive == Py_True;
  params.has_score_threshold = least != Py_None;
  if (params.has_score_threshold && !read_number(least, params.score_threshold)) return false;
  params.max_output = count;
  if (limit == Py_None) return true;
  int overflow = 0;
  const long long most = PyLong_CheckExact(limit) ? PyLong_AsLongLongAndOverflow(limit, &overflow) : -1;
  if (overflow != 0 || most < 0) return false;
  if (most < count) params.max_output = most;
  return true;
}

PyObject* indices(const int64_t* from, int64_t count) {
  static PyObject* const dtype = py::dtype::of<int64_t>().release().ptr();  // lives as long as the process
  Py_INCREF(dtype);
  const Py_intptr_t size = count;
  PyObject* made = numpy().PyArray_NewFromDescr_(numpy().PyArray_Type_, dtype, 1, &size, nullptr, nullptr, 0, nullptr);
  if (made && count) memcpy(py::detail::array_proxy(made)->data, from, static_cast<size_t>(count) * sizeof(int64_t));
  return made;
}

// Null without an error: to be asked the other way.
PyObject* quick_nms(PyObject* const* arguments) {
  NmsInput input;
  NmsParams params;
  if (arguments[8] != Py_False || arguments[9] != Py_None) return nullptr;
  if (!read_input(arguments[0], arguments[1], arguments[2], input)) return nullptr;
  if (!read_params(arguments + 3, input.count, params)) return nullptr;
  const NumpyHost host;
  int64_t keep[kMost], kept = 0;
  cpu::nms(input, params, {keep, nullptr, &kept}, host.get());
  return kept < 0 ? nullptr : indices(keep, kept);
}

}  // namespace

PyObject* nms_by_place(PyObject*, PyObject* const* arguments, Py_ssize_t count) {
  if (count != kArguments) {
    PyErr_Format(PyExc_TypeError, "nms: expected %zd arguments, got %zd", kArguments, count);
    return nullptr;
  }
  try {
    if (PyObject* found = quick_nms(arguments)) return found;
    if (PyErr_Occurred()) return nullptr;
    py::object given[kArguments];
    for (Py_ssize_t i = 0; i < kArguments; ++i) given[i] = py::reinterpret_borrow<py::object>(arguments[i]);
    return nms_of_arrays(given[0], given[1], given[2], given[3], given[4], given[5], given[6], given[7], given[8],
                         given[9])
        .release()
        .ptr();
  } catch (py::error_already_set& error) {
    error.restore();
  } catch (const py::builtin_exception& error) {
    error.set_error();
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
  return nullptr;
}

}  // namespace ptdet

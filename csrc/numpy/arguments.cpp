#include "numpy/arguments.h"

#include <cmath>

namespace ptdet {
namespace {

[[noreturn]] void wrong_type(const char* name, const char* expected, const std::string& came) {
  throw py::type_error(std::string(name) + ": expected " + expected + ", got " + came);
}

py::array array_of(const char* name, const py::object& given) {
  if (!py::isinstance<py::array>(given)) wrong_type(name, "a numpy.ndarray", type_name(given));
  py::array array = py::reinterpret_borrow<py::array>(given);
  bool whole = array.flags() & py::detail::npy_api::NPY_ARRAY_ALIGNED_;
  for (py::ssize_t axis = 0; axis < array.ndim(); ++axis) whole &= array.strides(axis) % array.itemsize() == 0;
  const char order = array.dtype().byteorder();
  if (whole && order != '>' && order != '<') return array;  // the machine's own order reads '=', or '|'
  return array.attr("astype")(array.dtype().attr("newbyteorder")("="));
}

Type type_of(const char* name, const py::array& array) {
  const py::dtype dtype = array.dtype();
  switch (dtype.kind()) {
    case 'f':
      switch (dtype.itemsize()) {
        case 8: return Type::kFloat64;
        case 4: return Type::kFloat32;
        case 2: return Type::kFloat16;
      }
      break;
    case 'i':
      switch (dtype.itemsize()) {
        case 8: return Type::kInt64;
        case 4: return Type::kInt32;
        case 2: return Type::kInt16;
        case 1: return Type::kInt8;
      }
      break;
    case 'u':
      switch (dtype.itemsize()) {
        case 8: return Type::kUInt64;
        case 4: return Type::kUInt32;
        case 2: return Type::kUInt16;
        case 1: return Type::kUInt8;
      }
      break;
    case 'b': return Type::kBool;
    default:  // ml_dtypes registers it as a structure
      if (dtype.itemsize() == 2 && py::str(dtype).cast<std::string>() == "bfloat16") return Type::kBFloat16;
  }
  wrong_type(name, "floats or integers", "dtype " + py::str(dtype).cast<std::string>());
}

}  // namespace

Readable::Readable(const char* name, const py::object& given)
    : name_(name), array_(array_of(name, given)), type_(type_of(name, array_)) {}

void Readable::expect_shape(bool fits, const std::string& expected) const {
  if (fits) return;
  const std::string came = py::repr(array_.attr("shape")).cast<std::string>();
  throw py::value_error(std::string(name_) + ": expected shape " + expected + ", got " + came);
}

void Readable::expect_floating() const {
  if (!is_floating())
    wrong_type(name_, "float64, float32, float16 or bfloat16", py::str(array_.dtype()).cast<std::string>());
}

std::string type_name(const py::object& given) { return Py_TYPE(given.ptr())->tp_name; }

double number_of(const char* name, const py::object& given) {
  const double value = PyFloat_AsDouble(given.ptr());
  if (value == -1 && PyErr_Occurred()) {
    const bool is_too_large = PyErr_ExceptionMatches(PyExc_OverflowError);
    PyErr_Clear();
    if (is_too_large) throw py::value_error(std::string(name) + ": expected a number that a double can hold");
    wrong_type(name, "a number", type_name(given));
  }
  if (std::isnan(value)) throw py::value_error(std::string(name) + ": expected a number, got nan");
  return value;
}

double positive_of(const char* name, const py::object& given) {
  const double value = number_of(name, given);
  if (value > 0 && std::isfinite(value)) return value;
  throw py::value_error(std::string(name) + ": expected a finite number > 0, got " +
                        py::str(given).cast<std::string>());
}

bool flag_of(const char* name, const py::object& given) {
  if (!PyBool_Check(given.ptr())) {
    const std::string type = type_name(given);
    if (type != "numpy.bool" && type != "numpy.bool_") wrong_type(name, "True or False", type);
  }
  return PyObject_IsTrue(given.ptr()) == 1;
}

std::optional<double> least_of(const char* name, const py::object& given) {
  if (given.is_none()) return std::nullopt;
  return number_of(name, given);
}

std::optional<int64_t> limit_of(const char* name, const py::object& given) {
  if (given.is_none()) return std::nullopt;
  if (!PyIndex_Check(given.ptr())) wrong_type(name, "an integer or None", type_name(given));
  int overflow = 0;
  const py::object index = py::reinterpret_steal<py::object>(PyNumber_Index(given.ptr()));
  if (!index) {
    PyErr_Clear();
    wrong_type(name, "an integer or None", type_name(given));
  }
  const long long value = PyLong_AsLongLongAndOverflow(index.ptr(), &overflow);
  if (overflow > 0) return std::nullopt;  // more than there can be
  if (overflow < 0 || value < 0)
    throw py::value_error(std::string(name) + ": expected None or a number >= 0, got " +
                          py::str(index).cast<std::string>());
  return value;
}

Candidates::Candidates(const py::object& given_boxes, const py::object& given_scores, const py::object& given_idxs,
                       int64_t numbers)
    : boxes("boxes", given_boxes), scores("scores", given_scores) {
  boxes.expect_shape(boxes.dims() == 2 && boxes.size(1) == numbers, "(N, " + std::to_string(numbers) + ")");
  boxes.expect_floating();
  if (count() >= 0xffffffffll) throw py::value_error("boxes: expected fewer than 2^32 - 1");
  const std::string one_each = "(" + std::to_string(count()) + ",)";
  scores.expect_shape(scores.dims() == 1 && scores.size(0) == count(), one_each);
  scores.expect_floating();
  if (given_idxs.is_none()) return;
  idxs.emplace("idxs", given_idxs);
  idxs->expect_shape(idxs->dims() == 1 && idxs->size(0) == count(), one_each);
}

Numbers::Numbers(const char* name, const py::object& given, const Candidates& candidates) : array(name, given) {
  const int64_t count = candidates.count();
  array.expect_shape(array.dims() == 1 && array.size(0) == count, "(" + std::to_string(count) + ",)");
  array.expect_floating();
}

NmsInput Candidates::input() const {
  NmsInput input;
  input.count = count();
  input.numbers = boxes.size(1);
  input.boxes = {boxes.data(), boxes.stride(0), boxes.stride(1), boxes.type()};
  input.scores = {scores.data(), scores.stride(0), scores.type()};
  if (idxs) input.groups = {idxs->data(), idxs->stride(0), idxs->type()};
  return input;
}

NmsParams nms_params(int64_t count, const py::object& iou_threshold, const py::object& metric,
                     const py::object& inclusive, const py::object& score_threshold, const py::object& max_output,
                     const char* threshold_name) {
  NmsParams params;
  params.iou_threshold = number_of(threshold_name, iou_threshold);
  params.metric = named("metric", metric, kMetrics);
  params.inclusive = flag_of("inclusive", inclusive);
  const std::optional<double> least = least_of("score_threshold", score_threshold);
  params.has_score_threshold = least.has_value();
  params.score_threshold = least.value_or(0.0);
  const std::optional<int64_t> limit = limit_of("max_output", max_output);
  params.max_output = limit && *limit < count ? *limit : count;
  return params;
}

NmsParams nms_params(const Candidates& candidates, const py::object& iou_threshold, const py::object& metric,
                     const py::object& inclusive, const py::object& score_threshold, const py::object& max_output,
                     const char* threshold_name) {
  const bool rotated = candidates.boxes.size(1) == 5;
  NmsParams params = nms_params(candidates.count(), iou_threshold, rotated ? py::object(py::str("iou")) : metric,
                                inclusive, score_threshold, max_output, threshold_name);
  if (!rotated) return params;
  params.metric = named("metric", metric, kRotatedMetrics);
  if (params.metric == Metric::kKfiou)
    throw py::value_error("metric: expected a measure that sees where boxes are, got 'kfiou'");
  return params;
}

}  // namespace ptdet

// From Python's objects to the kernel API's structs. What is wrong raises TypeError or ValueError: the argument, what
// was expected, what came.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <optional>
#include <string>

#include "api/api.h"
#include "runtime/names.h"

namespace ptdet {

namespace py = pybind11;

// An array as a kernel can read it: whole strides, the machine's own byte order, aligned. Holds what it reads.
class Readable {
 public:
  Readable(const char* name, const py::object& given);

  int64_t size(int axis) const { return array_.shape(axis); }
  int64_t stride(int axis) const { return array_.strides(axis) / array_.itemsize(); }
  const void* data() const { return array_.data(); }
  Type type() const { return type_; }
  bool is_floating() const { return ptdet::is_floating(type_); }

  py::dtype dtype() const { return array_.dtype(); }
  void expect_shape(bool fits, const std::string& expected) const;
  void expect_floating() const;
  int dims() const { return static_cast<int>(array_.ndim()); }

 private:
  const char* name_;
  py::array array_;
  Type type_;
};

std::string type_name(const py::object& given);

double number_of(const char* name, const py::object& given);    // not NaN
double positive_of(const char* name, const py::object& given);  // and finite
bool flag_of(const char* name, const py::object& given);
std::optional<double> least_of(const char* name, const py::object& given);   // None, or a number
std::optional<int64_t> limit_of(const char* name, const py::object& given);  // None, or an integer >= 0

// False if it is no text, or no entry has this name.
template <typename T, size_t kCount>
bool find_named(PyObject* given, const Name<T> (&names)[kCount], T& value) {
  Py_ssize_t length = 0;
  const char* text = PyUnicode_Check(given) ? PyUnicode_AsUTF8AndSize(given, &length) : nullptr;
  if (text) return find_name(names, {text, static_cast<size_t>(length)}, value);
  PyErr_Clear();  // half a surrogate pair is in no name
  return false;
}

template <typename T, size_t kCount>
T named(const char* name, const py::object& given, const Name<T> (&names)[kCount]) {
  T value{};
  if (find_named(given.ptr(), names, value)) return value;
  std::string all;
  for (const Name<T>& each : names) all += (all.empty() ? "" : ", ") + std::string(each.text);
  throw py::value_error(std::string(name) + ": expected one of " + all + ", got " +
                        py::repr(given).cast<std::string>());
}

// What every suppression is given. The arrays live as long as this.
struct Candidates {
  Readable boxes, scores;
  std::optional<Readable> idxs;

  // `numbers`: of a box.
  Candidates(const py::object& boxes, const py::object& scores, const py::object& idxs, int64_t numbers = 4);
  int64_t count() const { return boxes.size(0); }
  NmsInput input() const;
};

// A number a box, of an array that a method takes besides; lives as long as this.
struct Numbers {
  Readable array;

  Numbers(const char* name, const py::object& given, const Candidates& candidates);
  Column column() const { return {array.data(), array.stride(0), array.type()}; }
};

NmsParams nms_params(int64_t count, const py::object& iou_threshold, const py::object& metric,
                     const py::object& inclusive, const py::object& score_threshold, const py::object& max_output,
                     const char* threshold_name = "iou_threshold");

// The same of a pass, whose boxes settle which metrics there are.
NmsParams nms_params(const Candidates& candidates, const py::object& iou_threshold, const py::object& metric,
                     const py::object& inclusive, const py::object& score_threshold, const py::object& max_output,
                     const char* threshold_name = "iou_threshold");

inline void check_group_ids(int64_t kept) {
  if (kept == kGroupIsNan) throw py::value_error("idxs: expected ids that equal themselves, got NaN");
}

}  // namespace ptdet

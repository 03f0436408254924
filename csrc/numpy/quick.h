// The way for small inputs, where pybind11's takes longer than the work: no object is made but the result, and only
// the plainest arguments are understood. What is not says so, and goes the other way, which explains what is wrong.
#pragma once

#include <pybind11/pybind11.h>

namespace ptdet {

namespace py = pybind11;

// As nms_of_arrays, a function of Python's own kind: boxes, scores, idxs, iou_threshold, metric, inclusive,
// score_threshold, max_output, return_owner, beta, by place.
PyObject* nms_by_place(PyObject* module, PyObject* const* arguments, Py_ssize_t count);

// keep, or (keep, owner), by nms.cpp. beta: None for 1.
py::object nms_of_arrays(const py::object& boxes, const py::object& scores, const py::object& idxs,
                         const py::object& iou_threshold, const py::object& metric, const py::object& inclusive,
                         const py::object& score_threshold, const py::object& max_output,
                         const py::object& return_owner, const py::object& beta);

}  // namespace ptdet

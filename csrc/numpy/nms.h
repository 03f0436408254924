// The functions of _numpy; module.cpp names them.
#pragma once

#include <pybind11/pybind11.h>

namespace ptdet {

namespace py = pybind11;

// keep, or (keep, owner)
py::object nms_of_arrays(const py::object& boxes, const py::object& scores, const py::object& idxs,
                         const py::object& iou_threshold, const py::object& metric, const py::object& inclusive,
                         const py::object& score_threshold, const py::object& max_output, bool return_owner);

}  // namespace ptdet

// What _numpy has beside the suppressions; module.cpp names them.
#pragma once

#include <pybind11/pybind11.h>

namespace ptdet {

namespace py = pybind11;

// (N, 4) and (M, 4) to (N, M)
py::object pairwise_overlap_of_arrays(const py::object& boxes1, const py::object& boxes2, const py::object& kind,
                                      const py::object& eps);

// boxes, scores, labels, images, rows, passed
py::object yolo_filter_of_arrays(const py::object& prediction, int64_t num_classes, bool objectness, bool logits,
                                 bool multi_label, const py::object& objectness_threshold,
                                 const py::object& confidence_threshold, double min_side, double max_side,
                                 const py::object& wanted);

}  // namespace ptdet

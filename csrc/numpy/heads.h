// What _numpy has beside the suppressions; module.cpp names them.
#pragma once

#include <pybind11/pybind11.h>

namespace ptdet {

namespace py = pybind11;

// (N, 4) and (M, 4) to (N, M)
py::object pairwise_overlap_of_arrays(const py::object& boxes1, const py::object& boxes2, const py::object& kind,
                                      const py::object& eps);

// One table of rows x1, y1, x2, y2, confidence, class, extra columns, and how many of them each image has.
py::object yolo_postprocess_of_arrays(const py::object& prediction, int64_t num_classes, bool objectness, bool logits,
                                      bool multi_label, const py::object& conf_thres, const py::object& iou_thres,
                                      const py::object& metric, const py::object& inclusive, bool agnostic,
                                      const py::object& max_det, const py::object& wanted);

// The same, and how many rows of each image pass the filters of objectness and sides.
py::object yolo_pipeline_of_arrays(const py::object& prediction, const py::object& conf_thres,
                                   const py::object& nms_thres, bool multi_label, const py::object& method,
                                   const py::object& max_per_class);

}  // namespace ptdet

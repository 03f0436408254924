// The suppressions of _numpy; module.cpp names them. Where `return_owner` is set, owner comes last.
#pragma once

#include <pybind11/pybind11.h>

namespace ptdet {

namespace py = pybind11;

// keep. beta: None for 1
py::object nms_of_arrays(const py::object& boxes, const py::object& scores, const py::object& idxs,
                         const py::object& iou_threshold, const py::object& metric, const py::object& inclusive,
                         const py::object& score_threshold, const py::object& max_output,
                         const py::object& return_owner, const py::object& beta);

// keep
py::object and_nms_of_arrays(const py::object& boxes, const py::object& scores, const py::object& idxs,
                             const py::object& iou_threshold, const py::object& metric, const py::object& inclusive,
                             const py::object& score_threshold, const py::object& max_output,
                             const py::object& return_owner, const py::object& overlap_threshold);

// boxes, keep
py::object merge_nms_of_arrays(const py::object& boxes, const py::object& scores, const py::object& idxs,
                               const py::object& iou_threshold, const py::object& metric, const py::object& inclusive,
                               const py::object& score_threshold, const py::object& max_output,
                               const py::object& return_owner, const py::object& members, const py::object& weights);

// scores, keep
py::object soft_nms_of_arrays(const py::object& boxes, const py::object& scores, const py::object& idxs,
                              const py::object& iou_threshold, const py::object& metric, const py::object& inclusive,
                              const py::object& score_threshold, const py::object& max_output,
                              const py::object& return_owner, const py::object& sigma, const py::object& min_score,
                              const py::object& kind, const py::object& reselect);

// keep
py::object fast_nms_of_arrays(const py::object& boxes, const py::object& scores, const py::object& idxs,
                              const py::object& iou_threshold, const py::object& metric, const py::object& inclusive,
                              const py::object& score_threshold, const py::object& max_output,
                              const py::object& return_owner);

// scores, keep
py::object matrix_nms_of_arrays(const py::object& boxes, const py::object& scores, const py::object& idxs,
                                const py::object& metric, const py::object& score_threshold,
                                const py::object& max_output, const py::object& return_owner, const py::object& sigma,
                                const py::object& min_score, const py::object& kind);

// boxes, keep
py::object merging_of_arrays(const py::object& boxes, const py::object& scores, const py::object& idxs,
                             const py::object& match_threshold, const py::object& metric, const py::object& inclusive,
                             const py::object& score_threshold, const py::object& max_output,
                             const py::object& return_owner, bool members_hand_on);

// boxes, scores, keep, owner; models (N,) int64 and the models' weights (M,)
py::object wbf_of_arrays(const py::object& boxes, const py::object& scores, const py::object& idxs,
                         const py::object& models, const py::object& weights, const py::object& iou_threshold,
                         const py::object& conf_type, const py::object& allows_overflow);

}  // namespace ptdet

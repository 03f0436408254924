// From names and numbers to the params of the other methods.
#pragma once

#include <cmath>

#include "torch/arguments.h"

namespace ptdet {

inline NmsParams diou_params(int64_t count, double iou_threshold, double beta, bool inclusive,
                             std::optional<double> score_threshold, std::optional<int64_t> max_output) {
  STD_TORCH_CHECK(beta > 0 && std::isfinite(beta), "ptdet: beta must be finite and above 0");
  NmsParams params = nms_params(count, iou_threshold, "diou", inclusive, score_threshold, max_output);
  params.beta = beta;
  return params;
}

inline AndParams and_params(const NmsParams& walk, double overlap_threshold) {
  STD_TORCH_CHECK(overlap_threshold == overlap_threshold, "ptdet: overlap_threshold must not be NaN");
  return {walk, overlap_threshold};
}

inline Members members_of(const std::string& name) {
  Members members{};
  STD_TORCH_CHECK(find_name(kMembers, name, members), "ptdet: unknown members '", name, "'");
  return members;
}

inline MergeParams merge_params(const NmsParams& walk, const std::string& members, const std::string& weights) {
  bool by_overlap = false;
  STD_TORCH_CHECK(find_name(kWeightsByOverlap, weights, by_overlap), "ptdet: unknown weights '", weights, "'");
  return {walk, members_of(members), by_overlap};
}

inline Decay decay_of(const std::string& name) {
  Decay decay{};
  STD_TORCH_CHECK(find_name(kDecays, name, decay), "ptdet: unknown kind '", name, "'");
  return decay;
}

inline SoftParams soft_params(const NmsParams& walk, double sigma, double min_score, const std::string& kind,
                              bool reselect) {
  STD_TORCH_CHECK(sigma > 0 && std::isfinite(sigma), "ptdet: sigma must be finite and above 0");
  STD_TORCH_CHECK(min_score == min_score, "ptdet: min_score must not be NaN");
  return {walk, sigma, min_score, decay_of(kind), reselect};
}

inline MatrixParams matrix_params(const NmsParams& walk, double sigma, double min_score, const std::string& kind) {
  const SoftParams same = soft_params(walk, sigma, min_score, kind, false);
  STD_TORCH_CHECK(same.decay != Decay::kHard, "ptdet: kind must be gaussian or linear");
  return {walk, sigma, min_score, same.decay};
}

inline Confidence confidence_of(const std::string& name) {
  Confidence confidence{};
  STD_TORCH_CHECK(find_name(kConfidences, name, confidence), "ptdet: unknown conf_type '", name, "'");
  return confidence;
}

inline WbfInput wbf_input(const Tensor& boxes, const Tensor& scores, const std::optional<Tensor>& idxs,
                          const std::optional<Tensor>& models, const std::optional<Tensor>& weights) {
  WbfInput input;
  input.walk = nms_input(boxes, scores, idxs);
  if (models) {
    check_device(*models, boxes, "models");
    input.models = column_of(*models, input.walk.count, "models");
    STD_TORCH_CHECK(input.models.type == Type::kInt64, "ptdet: models must be int64");
  }
  if (weights) {
    check_device(*weights, boxes, "weights");
    STD_TORCH_CHECK(weights->dim() == 1 && weights->size(0) > 0, "ptdet: weights must have shape (M,), M > 0");
    input.model_count = weights->size(0);
    input.weights = {weights->const_data_ptr(), weights->stride(0), float_type_of(*weights, "weights")};
  }
  return input;
}

inline WbfParams wbf_params(const NmsParams& walk, const std::string& conf_type, bool allows_overflow) {
  return {walk, confidence_of(conf_type), allows_overflow};
}

// A tensor on the device of `like`, (rows) or (rows, columns); by the plain shim call, as new_indices.
inline Tensor new_rows_of(int32_t dtype, const Tensor& like, int64_t rows, int64_t columns) {
  const int64_t sizes[2] = {rows, columns}, strides[2] = {columns, 1};
  int32_t device_type, device_index;
  TORCH_ERROR_CODE_CHECK(aoti_torch_get_device_type(like.get(), &device_type));
  TORCH_ERROR_CODE_CHECK(aoti_torch_get_device_index(like.get(), &device_index));
  AtenTensorHandle handle;
  TORCH_ERROR_CODE_CHECK(
      aoti_torch_empty_strided(columns == 1 ? 1 : 2, sizes, strides, dtype, device_type, device_index, &handle));
  return Tensor(handle);
}

// Of its type, too.
inline Tensor new_rows(const Tensor& like, int64_t rows, int64_t columns) {
  int32_t dtype;
  TORCH_ERROR_CODE_CHECK(aoti_torch_get_dtype(like.get(), &dtype));
  return new_rows_of(dtype, like, rows, columns);
}

inline Tensor new_sides(const Tensor& boxes, int64_t count) {
  return new_rows_of(aoti_torch_dtype_int64(), boxes, count, 4);
}

}  // namespace ptdet

// From tensors to the door's structs, with every check that memory safety needs. ptdet's Python functions check
// first and raise ValueError or TypeError; an operator called directly raises RuntimeError from here.
#pragma once

#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include <optional>
#include <string>

#include "kernels.h"
#include "names.h"

namespace ptdet {

using torch::headeronly::ScalarType;
using torch::stable::Tensor;

inline Type type_of(const Tensor& t, const char* name) {
  switch (t.scalar_type()) {
    case ScalarType::Double: return Type::kFloat64;
    case ScalarType::Float: return Type::kFloat32;
    case ScalarType::Half: return Type::kFloat16;
    case ScalarType::BFloat16: return Type::kBFloat16;
    case ScalarType::Long: return Type::kInt64;
    case ScalarType::Int: return Type::kInt32;
    case ScalarType::Short: return Type::kInt16;
    case ScalarType::Char: return Type::kInt8;
    case ScalarType::Byte: return Type::kUInt8;
    case ScalarType::Bool: return Type::kBool;
    case ScalarType::UInt16: return Type::kUInt16;
    case ScalarType::UInt32: return Type::kUInt32;
    case ScalarType::UInt64: return Type::kUInt64;
    default: STD_TORCH_CHECK(false, "ptdet: ", name, " has a dtype that no kernel reads");
  }
}

inline Type float_type_of(const Tensor& t, const char* name) {
  const Type type = type_of(t, name);
  STD_TORCH_CHECK(type <= Type::kBFloat16, "ptdet: ", name, " must be float64, float32, float16 or bfloat16");
  return type;
}

inline Metric metric_of(const std::string& name) {
  Metric metric{};
  STD_TORCH_CHECK(find_name(kMetrics, name, metric), "ptdet: unknown metric '", name, "'");
  return metric;
}

inline Column column_of(const Tensor& t, int64_t count, const char* name) {
  STD_TORCH_CHECK(t.dim() == 1 && t.size(0) == count, "ptdet: ", name, " must have shape (", count, ",)");
  return {t.const_data_ptr(), t.stride(0), type_of(t, name)};
}

// A kernel would read host memory as the device's, or the other way round.
inline void check_device(const Tensor& t, const Tensor& like, const char* name) {
  STD_TORCH_CHECK(t.device() == like.device(), "ptdet: ", name, " must be on the device of the first tensor");
}

inline NmsInput nms_input(const Tensor& boxes, const Tensor& scores, const std::optional<Tensor>& idxs) {
  STD_TORCH_CHECK(boxes.dim() == 2 && boxes.size(1) == 4, "ptdet: boxes must have shape (N, 4)");
  NmsInput input;
  input.count = boxes.size(0);
  STD_TORCH_CHECK(input.count < 0xffffffffll, "ptdet: boxes must be fewer than 2^32 - 1");
  input.boxes = {boxes.const_data_ptr(), boxes.stride(0), boxes.stride(1), float_type_of(boxes, "boxes")};
  float_type_of(scores, "scores");
  check_device(scores, boxes, "scores");
  if (idxs) check_device(*idxs, boxes, "idxs");
  input.scores = column_of(scores, input.count, "scores");
  if (idxs) input.groups = column_of(*idxs, input.count, "idxs");
  return input;
}

inline NmsParams nms_params(int64_t count, double iou_threshold, const std::string& metric, bool inclusive,
                            std::optional<double> score_threshold, std::optional<int64_t> max_output) {
  STD_TORCH_CHECK(iou_threshold == iou_threshold, "ptdet: iou_threshold must not be NaN");
  STD_TORCH_CHECK(!score_threshold || *score_threshold == *score_threshold, "ptdet: score_threshold must not be NaN");
  STD_TORCH_CHECK(!max_output || *max_output >= 0, "ptdet: max_output must not be negative");
  NmsParams params;
  params.iou_threshold = iou_threshold;
  params.inclusive = inclusive;
  params.metric = metric_of(metric);
  params.has_score_threshold = score_threshold.has_value();
  params.score_threshold = score_threshold.value_or(0.0);
  params.max_output = max_output && *max_output < count ? *max_output : count;
  return params;
}

inline void check_group_ids(int64_t kept) { STD_TORCH_CHECK(kept != kGroupIsNan, "ptdet: idxs must not hold NaN"); }

// An int64 tensor beside `like`; the plain shim call, because a dispatcher call by name costs more than a small NMS.
inline Tensor new_indices(const Tensor& like, const int64_t* sizes, int64_t dims) {
  const int64_t strides[1] = {1};
  int32_t device_type, device_index;
  TORCH_ERROR_CODE_CHECK(aoti_torch_get_device_type(like.get(), &device_type));
  TORCH_ERROR_CODE_CHECK(aoti_torch_get_device_index(like.get(), &device_index));
  AtenTensorHandle handle;
  TORCH_ERROR_CODE_CHECK(
      aoti_torch_empty_strided(dims, sizes, strides, aoti_torch_dtype_int64(), device_type, device_index, &handle));
  return Tensor(handle);
}

inline int64_t* indices(const Tensor& t) { return static_cast<int64_t*>(t.mutable_data_ptr()); }

}  // namespace ptdet

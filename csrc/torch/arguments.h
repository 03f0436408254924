// From tensors to the kernel API's structs, with every check that memory safety needs. ptdet's Python functions check
// first and raise ValueError or TypeError; an operator called directly raises RuntimeError from here.
#pragma once

#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include <optional>
#include <string>

#include "api/api.h"
#include "runtime/names.h"

namespace ptdet {

using torch::headeronly::ScalarType;
using torch::stable::Tensor;

// How a schema's optional arguments come.
using Index = std::optional<Tensor>;
using Limit = std::optional<int64_t>;
using Least = std::optional<double>;

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
  STD_TORCH_CHECK(is_floating(type), "ptdet: ", name, " must be float64, float32, float16 or bfloat16");
  return type;
}

template <typename T, size_t kCount>
T named(const char* argument, const std::string& name, const Name<T> (&names)[kCount]) {
  T value{};
  STD_TORCH_CHECK(find_name(names, name, value), "ptdet: unknown ", argument, " '", name, "'");
  return value;
}

inline Column column_of(const Tensor& t, int64_t count, const char* name) {
  STD_TORCH_CHECK(t.dim() == 1 && t.size(0) == count, "ptdet: ", name, " must have shape (", count, ",)");
  return {t.const_data_ptr(), t.stride(0), type_of(t, name)};
}

// A kernel would read host memory as the device's, or the other way round.
inline void check_device(const Tensor& t, const Tensor& like, const char* name) {
  STD_TORCH_CHECK(t.device() == like.device(), "ptdet: ", name, " must be on the device of the first tensor");
}

// A number a box, of a tensor that a method takes besides.
inline Column numbers_of(const Tensor& t, const Tensor& boxes, const char* name) {
  float_type_of(t, name);
  check_device(t, boxes, name);
  return column_of(t, boxes.size(0), name);
}

// `numbers`: of a box.
inline NmsInput nms_input(const Tensor& boxes, const Tensor& scores, const Index& idxs, int64_t numbers = 4) {
  STD_TORCH_CHECK(boxes.dim() == 2 && boxes.size(1) == numbers, "ptdet: boxes must have shape (N, ", numbers, ")");
  NmsInput input;
  input.count = boxes.size(0);
  input.numbers = numbers;
  STD_TORCH_CHECK(input.count < 0xffffffffll, "ptdet: boxes must be fewer than 2^32 - 1");
  input.boxes = {boxes.const_data_ptr(), boxes.stride(0), boxes.stride(1), float_type_of(boxes, "boxes")};
  float_type_of(scores, "scores");
  check_device(scores, boxes, "scores");
  if (idxs) check_device(*idxs, boxes, "idxs");
  input.scores = column_of(scores, input.count, "scores");
  if (idxs) input.groups = column_of(*idxs, input.count, "idxs");
  return input;
}

// As nms_input has them, before it has looked at the shape.
inline int64_t rows_in(const Tensor& boxes) { return boxes.dim() > 0 ? boxes.size(0) : 0; }

inline NmsParams nms_params(int64_t count, double iou_threshold, const std::string& metric, bool inclusive,
                            Least score_threshold, Limit max_output) {
  STD_TORCH_CHECK(iou_threshold == iou_threshold, "ptdet: iou_threshold must not be NaN");
  STD_TORCH_CHECK(!score_threshold || *score_threshold == *score_threshold, "ptdet: score_threshold must not be NaN");
  STD_TORCH_CHECK(!max_output || *max_output >= 0, "ptdet: max_output must not be negative");
  NmsParams params;
  params.iou_threshold = iou_threshold;
  params.inclusive = inclusive;
  params.metric = named("metric", metric, kMetrics);
  params.has_score_threshold = score_threshold.has_value();
  params.score_threshold = score_threshold.value_or(0.0);
  params.max_output = max_output && *max_output < count ? *max_output : count;
  return params;
}

// The same for rotated boxes, which have measures of their own.
inline NmsParams rotated_nms_params(int64_t count, double iou_threshold, const std::string& metric, bool inclusive,
                                    Least score_threshold, Limit max_output) {
  NmsParams params = nms_params(count, iou_threshold, "iou", inclusive, score_threshold, max_output);
  params.metric = named("metric", metric, kRotatedMetrics);
  STD_TORCH_CHECK(params.metric != Metric::kKfiou, "ptdet: kfiou does not see where boxes are: no suppression by it");
  return params;
}

// The same of a pass, whose boxes settle which metrics there are.
inline NmsParams nms_params(const NmsInput& input, double iou_threshold, const std::string& metric, bool inclusive,
                            Least score_threshold, Limit max_output) {
  if (input.numbers == 5)
    return rotated_nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output);
  return nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output);
}

// What a kernel says of its input in place of how many boxes it kept.
inline void check_refusal(int64_t num_kept) {
  STD_TORCH_CHECK(num_kept != kGroupIsNan, "ptdet: idxs must not hold NaN");
  STD_TORCH_CHECK(num_kept != kScoreIsNegative, "ptdet: scores must not be negative");
  STD_TORCH_CHECK(num_kept != kModelIsUnknown, "ptdet: models must be numbers from 0 to M - 1");
  STD_TORCH_CHECK(num_kept != kNumberIsNan, "ptdet: a number of each box must not be NaN");
}

// A new contiguous tensor on the device of `like`; the plain shim call, because a dispatcher call by name costs more
// than a small NMS.
inline Tensor new_strided(int32_t dtype, const Tensor& like, const int64_t* sizes, const int64_t* strides,
                          int64_t dims) {
  int32_t device_type, device_index;
  TORCH_ERROR_CODE_CHECK(aoti_torch_get_device_type(like.get(), &device_type));
  TORCH_ERROR_CODE_CHECK(aoti_torch_get_device_index(like.get(), &device_index));
  AtenTensorHandle handle;
  TORCH_ERROR_CODE_CHECK(aoti_torch_empty_strided(dims, sizes, strides, dtype, device_type, device_index, &handle));
  return Tensor(handle);
}

// int64 of at most one dimension
inline Tensor new_indices(const Tensor& like, const int64_t* sizes, int64_t dims) {
  const int64_t strides[1] = {1};
  return new_strided(aoti_torch_dtype_int64(), like, sizes, strides, dims);
}

// (rows) or (rows, columns)
inline Tensor new_rows_of(int32_t dtype, const Tensor& like, int64_t rows, int64_t columns) {
  const int64_t sizes[2] = {rows, columns}, strides[2] = {columns, 1};
  return new_strided(dtype, like, sizes, strides, columns == 1 ? 1 : 2);
}

// The same in the type of `like`.
inline Tensor new_rows(const Tensor& like, int64_t rows, int64_t columns) {
  int32_t dtype;
  TORCH_ERROR_CODE_CHECK(aoti_torch_get_dtype(like.get(), &dtype));
  return new_rows_of(dtype, like, rows, columns);
}

inline int64_t* indices(const Tensor& t) { return static_cast<int64_t*>(t.mutable_data_ptr()); }

// The result of a suppression, of fixed shape: kept boxes by decreasing score, then -1; the owner of each box; how many
// are kept.
struct PassResult {
  Tensor keep, owner, num_kept;

  PassResult(const Tensor& boxes, int64_t count)
      : keep(new_indices(boxes, &count, 1)),
        owner(new_indices(boxes, &count, 1)),
        num_kept(new_indices(boxes, nullptr, 0)) {}
  NmsOutput output() const { return {indices(keep), indices(owner), indices(num_kept)}; }
};

}  // namespace ptdet

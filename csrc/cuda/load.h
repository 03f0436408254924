// Numbers as they lie in the caller's memory, read in the type they are computed in. The type is looked up by each
// thread: all of them take the same branch of a read that memory bounds, and a template for each type is spared.
#pragma once

#include "math/box.h"
#include "math/half.h"
#include "cuda/launch.h"
#include "api/api.h"

namespace ptdet::cuda {

template <typename To>
__device__ inline To load(const void* data, Type type, int64_t at) {
  switch (type) {
    case Type::kFloat64: return static_cast<To>(static_cast<const double*>(data)[at]);
    case Type::kFloat32: return static_cast<To>(static_cast<const float*>(data)[at]);
    case Type::kFloat16: return static_cast<To>(half_to_float(static_cast<const uint16_t*>(data)[at]));
    case Type::kBFloat16: return static_cast<To>(bfloat16_to_float(static_cast<const uint16_t*>(data)[at]));
    case Type::kInt64: return static_cast<To>(static_cast<const int64_t*>(data)[at]);
    case Type::kInt32: return static_cast<To>(static_cast<const int32_t*>(data)[at]);
    case Type::kInt16: return static_cast<To>(static_cast<const int16_t*>(data)[at]);
    case Type::kInt8: return static_cast<To>(static_cast<const int8_t*>(data)[at]);
    case Type::kUInt8: return static_cast<To>(static_cast<const uint8_t*>(data)[at]);
    case Type::kBool: return static_cast<To>(static_cast<const bool*>(data)[at]);
    case Type::kUInt16: return static_cast<To>(static_cast<const uint16_t*>(data)[at]);
    case Type::kUInt32: return static_cast<To>(static_cast<const uint32_t*>(data)[at]);
    case Type::kUInt64: return static_cast<To>(static_cast<const uint64_t*>(data)[at]);
  }
  return To(0);
}

template <typename T>
__device__ inline T load(const Column& column, int64_t row) {
  return load<T>(column.data, column.type, row * column.stride);
}

template <typename T>
__device__ inline Box<T> load_box(const BoxColumn& column, int64_t row) {
  const int64_t at = row * column.row_stride;
  return {load<T>(column.data, column.type, at), load<T>(column.data, column.type, at + column.column_stride),
          load<T>(column.data, column.type, at + 2 * column.column_stride),
          load<T>(column.data, column.type, at + 3 * column.column_stride)};
}

template <typename T>
struct alignas(16) WalkBox {  // read in 16-byte pieces
  Box<T> box;
};

inline bool wide(const NmsInput& input) { return input.boxes.type == Type::kFloat64; }

inline bool is_floating(Type type) {
  return type == Type::kFloat64 || type == Type::kFloat32 || type == Type::kFloat16 || type == Type::kBFloat16;
}

}  // namespace ptdet::cuda

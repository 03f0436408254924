// Numbers as they lie in the caller's memory, read in the type they are computed in.
#pragma once

#include "math/box.h"
#include "math/half.h"
#include "api/api.h"

namespace ptdet::cpu {

// A half as it is stored; converting it is reading it.
struct Float16 {
  uint16_t bits;
  operator float() const { return half_to_float(bits); }
};
struct BFloat16 {
  uint16_t bits;
  operator float() const { return bfloat16_to_float(bits); }
};

// Calls f(pointer) with the column's pointer in its own type.
template <typename F>
void with_type(Type type, const void* data, F&& f) {
  switch (type) {
    case Type::kFloat64: return f(static_cast<const double*>(data));
    case Type::kFloat32: return f(static_cast<const float*>(data));
    case Type::kFloat16: return f(static_cast<const Float16*>(data));
    case Type::kBFloat16: return f(static_cast<const BFloat16*>(data));
    case Type::kInt64: return f(static_cast<const int64_t*>(data));
    case Type::kInt32: return f(static_cast<const int32_t*>(data));
    case Type::kInt16: return f(static_cast<const int16_t*>(data));
    case Type::kInt8: return f(static_cast<const int8_t*>(data));
    case Type::kUInt8: return f(static_cast<const uint8_t*>(data));
    case Type::kBool: return f(static_cast<const bool*>(data));
    case Type::kUInt16: return f(static_cast<const uint16_t*>(data));
    case Type::kUInt32: return f(static_cast<const uint32_t*>(data));
    case Type::kUInt64: return f(static_cast<const uint64_t*>(data));
  }
}

// boxes[i] = the box of row rows[i], for i in [begin, end).
template <typename T>
void gather_boxes(const BoxColumn& column, const uint32_t* rows, int64_t begin, int64_t end, Box<T>* boxes) {
  constexpr int64_t kAhead = 16;
  with_type(column.type, column.data, [&](const auto* data) {
    const int64_t step = column.column_stride;
    for (int64_t i = begin; i < end; ++i) {
      if (i + kAhead < end) __builtin_prefetch(data + static_cast<int64_t>(rows[i + kAhead]) * column.row_stride);
      const auto* row = data + static_cast<int64_t>(rows[i]) * column.row_stride;
      boxes[i] = {static_cast<T>(row[0]), static_cast<T>(row[step]), static_cast<T>(row[2 * step]),
                  static_cast<T>(row[3 * step])};
    }
  });
}

}  // namespace ptdet::cpu

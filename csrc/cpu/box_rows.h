// Boxes as contiguous rows of the type that is computed in: the caller's own memory where it is that already, else a
// small copy.
#pragma once

#include "cpu/load.h"

namespace ptdet::cpu {

// Whether overlaps of these boxes are computed in float64 (SPEC 1; an integer's differences are exact there).
inline bool computed_wide(Type a, Type b) {
  const auto wide = [](Type t) { return t == Type::kFloat64 || t > Type::kBFloat16; };
  return wide(a) || wide(b);
}

// Results are float64 only if a box is.
inline bool stored_wide(Type a, Type b) { return a == Type::kFloat64 || b == Type::kFloat64; }

template <typename T>
constexpr Type type_computed_in() {
  return sizeof(T) == 8 ? Type::kFloat64 : Type::kFloat32;
}

template <typename T>
bool lies_ready(const BoxColumn& boxes) {
  return boxes.type == type_computed_in<T>() && boxes.row_stride == 4 && boxes.column_stride == 1;
}

// Rows [begin, begin + count), or their copy in `room`, which holds count rows. `offset` counts elements.
template <typename T>
const T* rows_of(const BoxColumn& boxes, int64_t offset, int64_t begin, int64_t count, T* room) {
  if (lies_ready<T>(boxes)) return static_cast<const T*>(boxes.data) + offset + 4 * begin;
  with_type(boxes.type, boxes.data, [&](const auto* data) {
    const auto* row = data + offset + begin * boxes.row_stride;
    for (int64_t i = 0; i < count; ++i, row += boxes.row_stride)
      for (int64_t k = 0; k < 4; ++k) room[4 * i + k] = static_cast<T>(row[k * boxes.column_stride]);
  });
  return room;
}

}  // namespace ptdet::cpu

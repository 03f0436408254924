// Computed numbers, written in the type of the caller's memory.
#pragma once

#include "math/box.h"
#include "math/narrow.h"
#include "api/api.h"

namespace ptdet::cpu {

template <typename T>
void store(void* data, Type type, int64_t at, T value) {
  switch (type) {
    case Type::kFloat64: static_cast<double*>(data)[at] = static_cast<double>(value); return;
    case Type::kFloat16: static_cast<uint16_t*>(data)[at] = float_to_half(static_cast<float>(value)); return;
    case Type::kBFloat16: static_cast<uint16_t*>(data)[at] = float_to_bfloat16(static_cast<float>(value)); return;
    default: static_cast<float*>(data)[at] = static_cast<float>(value); return;
  }
}

template <typename T>
void store_box(void* data, Type type, int64_t row, const Box<T>& box) {
  store(data, type, 4 * row, box.x1);
  store(data, type, 4 * row + 1, box.y1);
  store(data, type, 4 * row + 2, box.x2);
  store(data, type, 4 * row + 3, box.y2);
}

inline size_t bytes_of(Type type) { return type == Type::kFloat64 ? 8 : type == Type::kFloat32 ? 4 : 2; }

}  // namespace ptdet::cpu

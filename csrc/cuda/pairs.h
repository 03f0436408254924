// What the kernels over pairs of boxes share: reading a box in one piece, and where results are stored.
#pragma once

#include "math/overlap_grad.h"
#include "cuda/load.h"

namespace ptdet::cuda {

// Numbers that are moved in one instruction.
template <typename T>
struct alignas(4 * sizeof(T) <= 16 ? 4 * sizeof(T) : 16) Four {
  T x, y, z, w;
};

inline bool computed_wide(Type a, Type b) {
  const auto wide = [](Type t) { return t == Type::kFloat64 || t > Type::kBFloat16; };
  return wide(a) || wide(b);
}

inline bool stored_wide(Type a, Type b) { return a == Type::kFloat64 || b == Type::kFloat64; }

inline bool aligned(const void* data, size_t bytes) { return reinterpret_cast<uintptr_t>(data) % bytes == 0; }

// Boxes, and whether a row is one aligned Four<T>.
template <typename T>
struct Boxes {
  BoxColumn column;
  bool whole;

  explicit Boxes(const BoxColumn& boxes)
      : column(boxes),
        whole(boxes.type == (sizeof(T) == 8 ? Type::kFloat64 : Type::kFloat32) && boxes.row_stride % 4 == 0 &&
              boxes.column_stride == 1 && aligned(boxes.data, 16)) {}

  // `offset` counts elements.
  __device__ Box<T> at(int64_t offset, int64_t row) const {
    if (whole && offset % 4 == 0) {
      const Four<T> four =
          *reinterpret_cast<const Four<T>*>(static_cast<const T*>(column.data) + offset + row * column.row_stride);
      return {four.x, four.y, four.z, four.w};
    }
    const int64_t first = offset + row * column.row_stride;
    return {load<T>(column.data, column.type, first), load<T>(column.data, column.type, first + column.column_stride),
            load<T>(column.data, column.type, first + 2 * column.column_stride),
            load<T>(column.data, column.type, first + 3 * column.column_stride)};
  }
};

template <typename T>
__device__ inline void store(const Box<T>& box, T* rows, int64_t row) {
  reinterpret_cast<Four<T>*>(rows)[row] = {box.x1, box.y1, box.x2, box.y2};
}

template <typename T>
__device__ inline Box<T> times(T factor, const Box<T>& by) {
  return {factor * by.x1, factor * by.y1, factor * by.x2, factor * by.y2};
}

template <typename T>
__device__ inline Epsilon<T> epsilon_of(const OverlapParams& params) {
  return {T(params.joint_epsilon), T(params.epsilon)};
}

}  // namespace ptdet::cuda

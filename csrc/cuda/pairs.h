// What the kernels over pairs of boxes share: reading a box in one piece, and where results are stored.
#pragma once

#include "api/dispatch.h"
#include "cuda/load.h"

namespace ptdet::cuda {

// Numbers that are moved in one instruction.
template <typename T>
struct alignas(4 * sizeof(T) <= 16 ? 4 * sizeof(T) : 16) Four {
  T x, y, z, w;
};

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

  // Where rows are whole.
  __device__ Box<T> whole_at(int64_t row, int64_t offset = 0) const {
    const Four<T> four =
        *reinterpret_cast<const Four<T>*>(static_cast<const T*>(column.data) + offset + row * column.row_stride);
    return {four.x, four.y, four.z, four.w};
  }

  // `offset` counts elements.
  __device__ Box<T> at(int64_t offset, int64_t row) const {
    if (whole && offset % 4 == 0) return whole_at(row, offset);
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

}  // namespace ptdet::cuda

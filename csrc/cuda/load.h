// Numbers as they lie in the caller's memory, read in the type they are computed in. The type is looked up by each
// thread: all of them take the same branch of a read that memory bounds, and a template for each type is spared.
#pragma once

#include "math/box.h"
#include "cuda/launch.h"
#include "api/api.h"

namespace ptdet::cuda {

template <typename To>
__device__ inline To load(const void* data, Type type, int64_t at) {
#define PTDET_CASE(name, Stored) \
  case Type::name: return static_cast<To>(static_cast<const Stored*>(data)[at]);
  switch (type) { PTDET_TYPES(PTDET_CASE) }
#undef PTDET_CASE
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
struct alignas(16) AlignedBox {  // read in 16-byte pieces
  Box<T> box;
};

}  // namespace ptdet::cuda

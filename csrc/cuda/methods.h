// What the other methods' kernels share.
#pragma once

#include "math/threshold.h"
#include "cuda/load.h"
#include "cuda/segments.h"
#include "api/dispatch.h"

namespace ptdet::cuda {

__device__ inline bool same_group(const Column& ids, int64_t a, int64_t b) {
  if (ids.data == nullptr) return true;
  if (is_floating(ids.type)) return load<double>(ids, a) == load<double>(ids, b);
  return load<int64_t>(ids, a) == load<int64_t>(ids, b);
}

template <typename T>
__device__ inline void store(void* data, Type type, int64_t at, T value) {
  switch (type) {
    case Type::kFloat64: static_cast<double*>(data)[at] = stored_as<double>(value); return;
    case Type::kFloat16: static_cast<Float16*>(data)[at] = stored_as<Float16>(value); return;
    case Type::kBFloat16: static_cast<BFloat16*>(data)[at] = stored_as<BFloat16>(value); return;
    default: static_cast<float*>(data)[at] = stored_as<float>(value); return;
  }
}

template <typename T>
__device__ inline void store_box(void* data, Type type, int64_t row, const Box<T>& box) {
  store(data, type, 4 * row, box.x1);
  store(data, type, 4 * row + 1, box.y1);
  store(data, type, 4 * row + 2, box.x2);
  store(data, type, 4 * row + 3, box.y2);
}

// Where `key` begins, or would, among keys that ascend.
__device__ inline int64_t first_not_below(const int64_t* keys, int64_t count, int64_t key) {
  int64_t low = 0, high = count;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (keys[middle] < key)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

// Calls f(T{}, Score{}) with the types that boxes and scores are computed in.
template <typename F>
void with_types(const NmsInput& input, F&& f) {
  with_computed(input.boxes.type,
                [&](auto box) { with_computed(input.scores.type, [&](auto score) { f(box, score); }); });
}

}  // namespace ptdet::cuda

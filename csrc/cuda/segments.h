// Runs of one group's boxes along positions that are sorted by group, then by score.
#pragma once

#include "cuda/keys.h"
#include "cuda/launch.h"

namespace ptdet::cuda {

// The first position of the run of equal ids that `position` lies in; ids ascend.
__device__ inline int64_t segment_start(const int64_t* groups, int64_t position) {
  if (groups == nullptr) return 0;
  int64_t low = 0, high = position;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (groups[middle] < groups[position])
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

// The end of the candidates of the segment that starts at `start`: they come before those that are none.
__device__ inline int64_t segment_end(const int64_t* groups, const int64_t* rows, Keys keys, int64_t start,
                                      int64_t count) {
  int64_t low = start, high = count;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if ((groups == nullptr || groups[middle] == groups[start]) && keys.is_candidate(rows[middle]))
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

// Arrays one after the other, each aligned for any of them. With base null it only counts.
class Layout {
 public:
  explicit Layout(void* base) : base_(static_cast<char*>(base)) {}

  template <typename E>
  E* take(int64_t count) {
    E* array = base_ == nullptr ? nullptr : reinterpret_cast<E*>(base_ + size_);
    size_ += (static_cast<size_t>(count) * sizeof(E) + 255) / 256 * 256;
    return array;
  }
  size_t size() const { return size_; }

 private:
  char* base_;
  size_t size_ = 0;
};

}  // namespace ptdet::cuda

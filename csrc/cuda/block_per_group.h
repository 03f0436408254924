// What soft-NMS and box fusion share: a group is the work of one block.
#pragma once

#include <algorithm>

#include "cuda/segments.h"

namespace ptdet::cuda {

#if defined(PTDET_NMS_TILE)
constexpr int kGroupBlock = PTDET_NMS_TILE;
constexpr int64_t kMostGroupBlocks = 3;
#else
constexpr int kGroupBlock = 256;
constexpr int64_t kMostGroupBlocks = 4096;  // more groups than that share a block
#endif

inline int64_t group_blocks(const int64_t* groups, int64_t count) {
  return groups ? std::min(count, kMostGroupBlocks) : 1;
}

struct Segments {
  int64_t* starts;  // first positions of segments that have candidates, in no particular order
  int64_t* ends;    // [first position]
  Counter* found;   // (1)

  Segments(Layout& layout, int64_t count)
      : starts(layout.take<int64_t>(count)), ends(layout.take<int64_t>(count)), found(layout.take<Counter>(1)) {}

  // By a thread for each position, which is loaded once.
  __device__ void find(const int64_t* groups, const int64_t* rows, Keys keys, int64_t position, int64_t count) const {
    if (find_end(groups, rows, keys, position, count) > 0) list(position);
  }
  // How many boxes has the segment that starts at the position? 0: none does.
  __device__ int64_t find_end(const int64_t* groups, const int64_t* rows, Keys keys, int64_t position,
                              int64_t count) const {
    if (segment_start(groups, position) != position) return 0;
    ends[position] = segment_end(groups, rows, keys, position, count);
    return ends[position] - position;
  }
  __device__ void list(int64_t position) const { starts[atomicAdd(found, Counter(1))] = position; }
};

namespace {
[[maybe_unused]] __global__ void clear(Counter* found) { *found = 0; }
}  // namespace

// Every thread of the block calls it. `bests` is shared memory for one a thread, free again when the call returns;
// `by` is what Best::take asks besides.
template <typename Best, typename... By>
__device__ Best best_in_block(const Best& mine, Best* bests, By... by) {
  const int own = threadIdx.x;
  bests[own] = mine;
  __syncthreads();
  for (int step = static_cast<int>(blockDim.x) / 2; step > 0; step /= 2) {
    if (own < step) bests[own].take(bests[own + step], by...);
    __syncthreads();
  }
  const Best best = bests[0];
  __syncthreads();  // all have read it
  return best;
}

}  // namespace ptdet::cuda

// One warp a kept box, with the members of its cluster. As many warps as the chip has at once share the kept boxes.
#pragma once

#include <algorithm>

#include "cuda/methods.h"

namespace ptdet::cuda {

constexpr int64_t kMostClusterBlocks = 1024;

inline int64_t cluster_blocks(int64_t count) { return std::min(blocks_for(count, kBlock / kWarp), kMostClusterBlocks); }

// `visit(k, keep[k])` by all lanes of some warp for each kept box, `fill(k)` by one thread for each place without.
template <typename Visit, typename Fill>
__device__ void each_kept(int64_t count, const int64_t* keep, Visit&& visit, Fill&& fill) {
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x, own = thread_in_grid();
  for (int64_t k = own; k < count; k += threads)
    if (keep[k] < 0) fill(k);
  for (int64_t k = own / kWarp; k < count && keep[k] >= 0; k += threads / kWarp) visit(k, keep[k]);
}

template <typename T>
__device__ Box<T> box_of_lane(const Box<T>& box, int lane) {
  return {__shfl_sync(kAllLanes, box.x1, lane), __shfl_sync(kAllLanes, box.y1, lane),
          __shfl_sync(kAllLanes, box.x2, lane), __shfl_sync(kAllLanes, box.y2, lane)};
}

}  // namespace ptdet::cuda

// Compaction that keeps the order: the place of a thread among those of its block whose flag is set.
#pragma once

#include "cuda/launch.h"

namespace ptdet::cuda {

constexpr int kMaxWarps = 32;

// Every thread of the block calls it. `warp_counts` is shared memory for kMaxWarps numbers, not in use by anyone;
// it is free again after the next barrier.
__device__ inline int rank_in_block(bool flag, int* warp_counts, int* total) {
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp, warps = blockDim.x / kWarp;
  const uint32_t flags = __ballot_sync(kAllLanes, flag);
  if (lane == 0) warp_counts[warp] = __popc(flags);
  __syncthreads();
  int before = 0, all = 0;
  for (int w = 0; w < warps; ++w) {
    if (w == warp) before = all;
    all += warp_counts[w];
  }
  *total = all;
  return before + __popc(flags & ((1u << lane) - 1));
}

}  // namespace ptdet::cuda

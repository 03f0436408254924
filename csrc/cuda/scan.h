// Exclusive sums: of flags and of numbers inside a block, and over the counts of all blocks.
#pragma once

#include "cuda/launch.h"

namespace ptdet::cuda {

constexpr int kScanThreads = 1024;

constexpr int kMaxWarps = 32;

// The place of a thread among those of its block whose flag is set. Every thread of the block calls it. `warp_counts`
// is shared memory for kMaxWarps numbers, not in use by anyone; it is free again after the next barrier.
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

namespace {

// The sum over the threads before this one; *total over all. Every thread of the block calls it. `sums` is shared
// memory for one number a thread, free again when the call returns.
__device__ inline int64_t sum_before(int64_t mine, int64_t* sums, int64_t* total) {
  const int own = threadIdx.x, threads = blockDim.x;
  sums[own] = mine;
  __syncthreads();
  for (int step = 1; step < threads; step *= 2) {
    const int64_t other = own >= step ? sums[own - step] : 0;
    __syncthreads();
    sums[own] += other;
    __syncthreads();
  }
  *total = sums[threads - 1];
  const int64_t before = sums[own] - mine;
  __syncthreads();  // all have read the last sum
  return before;
}

// By one block of kScanThreads: each number becomes the sum of those before it. Returns the sum of all.
__device__ inline int64_t sum_all(int64_t* numbers, int64_t count) {
  SHARED_ARRAY(int64_t, sums, kScanThreads);
  int64_t before = 0;
  for (int64_t first = 0; first < count; first += kScanThreads) {
    const int64_t at = first + threadIdx.x;
    const int64_t mine = at < count ? numbers[at] : 0;
    int64_t of_round;
    const int64_t here = sum_before(mine, sums, &of_round);
    if (at < count) numbers[at] = before + here;
    before += of_round;
  }
  return before;
}

}  // namespace
}  // namespace ptdet::cuda

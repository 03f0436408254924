// From who removed each row to keep, owner and kept (kernels.h): kept boxes are counted block by block, the counts
// summed, and each kept box written to its place. No atomic, so nothing depends on who comes first.
#pragma once

#include "cuda/ranks.h"
#include "api/api.h"

namespace ptdet::cuda {

struct Result {
  int64_t count;
  const int64_t* found;  // [row] the row that removed it, itself if kept, else -1
  bool removed_own;      // removed boxes remove others, too
  int64_t* block_kept;   // [block] kept boxes in the blocks before it; first, in it
  int64_t* total;        // (1) how many are kept, were there no limit
  int64_t* place;        // [row of a box that may own] how many are kept before it
};

constexpr int kScanBlock = 1024;

namespace {

__device__ bool is_kept(const Result& result, const int64_t* by_score, int64_t rank) {
  return rank < result.count && result.found[by_score[rank]] == by_score[rank];
}

__global__ void count_kept(Result result, const int64_t* by_score) {
  SHARED_ARRAY(int, warp_counts, kMaxWarps);
  int total;
  rank_in_block(is_kept(result, by_score, thread_in_grid()), warp_counts, &total);
  if (threadIdx.x == 0) result.block_kept[blockIdx.x] = total;
}

// One block turns counts into sums of the counts before, kScanBlock at a time.
__global__ void __launch_bounds__(kScanBlock)
    sum_counts(Result result, int64_t blocks, int64_t max_output, int64_t* kept) {
  SHARED_ARRAY(int64_t, sums, kScanBlock);
  const int own = threadIdx.x;
  int64_t before = 0;
  for (int64_t first = 0; first < blocks; first += kScanBlock) {
    const int64_t mine = first + own < blocks ? result.block_kept[first + own] : 0;
    sums[own] = mine;
    __syncthreads();
    for (int step = 1; step < kScanBlock; step *= 2) {
      const int64_t other = own >= step ? sums[own - step] : 0;
      __syncthreads();
      sums[own] += other;
      __syncthreads();
    }
    if (first + own < blocks) result.block_kept[first + own] = before + sums[own] - mine;
    before += sums[kScanBlock - 1];
    __syncthreads();  // all have read the last sum
  }
  if (own == 0) *result.total = before;
  if (own == 0 && *kept != kGroupIsNan) *kept = before < max_output ? before : max_output;
}

__global__ void write_keep(Result result, const int64_t* by_score, int64_t max_output, int64_t* keep) {
  SHARED_ARRAY(int, warp_counts, kMaxWarps);
  const int64_t rank = thread_in_grid();
  const bool kept = is_kept(result, by_score, rank);
  int total;
  const int64_t place = result.block_kept[blockIdx.x] + rank_in_block(kept, warp_counts, &total);
  if (kept || (result.removed_own && rank < result.count)) result.place[by_score[rank]] = place;
  if (kept && place < max_output) keep[place] = by_score[rank];
}

// max_output cuts the list: who was removed by a box that comes after it has no owner.
__global__ void write_owner(Result result, int64_t max_output, int64_t* owner) {
  const int64_t row = thread_in_grid();
  if (row >= result.count) return;
  const int64_t by = result.found[row];
  const bool cut = by >= 0 && *result.total > max_output && result.place[by] >= max_output;
  owner[row] = cut ? -1 : by;
}

inline void write_result(const Result& result, const int64_t* by_score, int64_t max_output, const NmsOutput& output,
                         void* stream) {
  const int64_t blocks = blocks_for(result.count, kBlock);
  LAUNCH(count_kept, blocks, kBlock, stream, result, by_score);
  LAUNCH(sum_counts, 1, kScanBlock, stream, result, blocks, max_output, output.kept);
  LAUNCH(write_keep, blocks, kBlock, stream, result, by_score, max_output, output.keep);
  if (output.owner != nullptr) LAUNCH(write_owner, blocks, kBlock, stream, result, max_output, output.owner);
}

}  // namespace
}  // namespace ptdet::cuda

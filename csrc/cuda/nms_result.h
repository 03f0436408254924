// From the row that removed each row to keep, owner and kept (api/nms.h): kept boxes are counted block by block, the
// counts summed, and each kept box written to its place. No atomic, so nothing depends on the order of threads.
#pragma once

#include "cuda/scan.h"
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

__global__ void __launch_bounds__(kScanThreads)
    sum_counts(Result result, int64_t blocks, int64_t max_output, int64_t* kept) {
  const int64_t all = sum_all(result.block_kept, blocks);
  if (threadIdx.x != 0) return;
  *result.total = all;
  if (*kept >= 0) *kept = all < max_output ? all : max_output;
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

// max_output cuts the list: a box removed by one that comes after the cut has no owner.
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
  LAUNCH(sum_counts, 1, kScanThreads, stream, result, blocks, max_output, output.kept);
  LAUNCH(write_keep, blocks, kBlock, stream, result, by_score, max_output, output.keep);
  if (output.owner != nullptr) LAUNCH(write_owner, blocks, kBlock, stream, result, max_output, output.owner);
}

}  // namespace
}  // namespace ptdet::cuda

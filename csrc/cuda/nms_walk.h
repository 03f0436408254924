// The greedy walk in rounds: round r settles the r-th tile of every segment, then pushes what it kept onto the
// boxes after it. A segment is one group's candidates, side by side in visiting order; positions count along them.
#pragma once

#include "core/apart.h"
#include "cuda/ranks.h"

namespace ptdet::cuda {

// The emulator's tests also build with small tiles and few blocks, to go through every loop with few boxes.
#if defined(PTDET_NMS_TILE)
constexpr int kTile = PTDET_NMS_TILE;
constexpr int64_t kSettleBlocks = 3;
constexpr int64_t kPushWarps = 5;
#else
constexpr int kTile = 512;
constexpr int64_t kSettleBlocks = 4096;  // more segments than that share a block
constexpr int64_t kPushWarps = 8192;     // about what a large GPU holds at once
#endif
static_assert(kTile % kWarp == 0 && kTile <= kWarp * kMaxWarps, "a tile is one block of whole warps");

constexpr int64_t kOpen = -1;           // alive and not visited so far
constexpr int64_t kNotTakingPart = -2;  // no candidate

template <typename T>
struct alignas(16) WalkBox {  // read in 16-byte pieces
  Box<T> box;
};

// Counters of the whole walk; zero at its start.
struct Progress {
  Counter segments;  // how many there are
  Counter longest;   // candidates of the longest
  Counter pushing;   // r + 1 if round r has kept boxes to push
};

struct Segment {
  int64_t end;
  int64_t kept;       // so far
  int64_t tile_kept;  // in the tile settled last, if they are to be pushed
};

template <typename T>
struct Walk {
  int64_t count;
  int64_t max_output;
  bool want_owner;
  Progress* progress;
  int64_t* segment_list;  // first positions, in no particular order
  Segment* segments;      // [first position]
  int64_t* start;         // [position] first position of its segment
  int64_t* remover;       // [position] who removed it, itself if kept, kOpen or kNotTakingPart
  WalkBox<T>* boxes;      // [position] a settled tile's room holds what the tile kept, in order
  int64_t* visited;       // [position] the positions of those
};

// The pairs of a tile as bits, one row a candidate, one bit a visited box before it. Rows of a warp end with its own
// word, and words of one column lie side by side, so lanes meet in no bank.
constexpr int kPairWords = kTile / kWarp * (kTile / kWarp + 1) / 2 * kWarp;

__device__ inline int pair_word(int candidate, int word) {
  const int warp = candidate / kWarp;
  return (warp * (warp + 1) / 2 + word) * kWarp + candidate % kWarp;
}

// Fills row `candidate`; only its own thread reads it.
template <typename Measure, typename T>
__device__ void test_pairs(const WalkBox<T>* boxes, int candidate, const Threshold<T>& threshold, uint32_t* pairs) {
  const Box<T> own = boxes[candidate].box;
  for (int word = 0; word <= candidate / kWarp; ++word) {
    const int first = word * kWarp;
    const int tested = candidate - first < kWarp ? candidate - first : kWarp;
    uint32_t bits = 0;
    for (int b = 0; b < tested; ++b)
      if (suppresses_early_out<Measure>(boxes[first + b].box, own, threshold)) bits |= 1u << b;
    pairs[pair_word(candidate, word)] = bits;
  }
}

enum class State { kUndecided, kKept, kRemoved };

// A box is removed if one that is kept removes it, and kept if none is left that could.
__device__ inline State decide(const uint32_t* pairs, int candidate, const uint32_t* kept, const uint32_t* undecided) {
  bool waits = false;
  for (int word = 0; word <= candidate / kWarp; ++word) {
    const uint32_t bits = pairs[pair_word(candidate, word)];
    if (bits & kept[word]) return State::kRemoved;
    waits |= (bits & undecided[word]) != 0;
  }
  return waits ? State::kUndecided : State::kKept;
}

__device__ inline int first_remover(const uint32_t* pairs, int candidate, const uint32_t* kept) {
  int word = 0;
  while (!(pairs[pair_word(candidate, word)] & kept[word])) ++word;
  return word * kWarp + __ffs(static_cast<int>(pairs[pair_word(candidate, word)] & kept[word])) - 1;
}

// The greedy walk over the tile, all boxes at once: the first undecided one can always be decided, so it ends after
// as many sweeps as the longest chain of boxes that wait for each other. `kept` is complete at the end.
__device__ inline State settle_pairs(const uint32_t* pairs, int count, uint32_t* kept, uint32_t* undecided) {
  const int own = threadIdx.x;
  State state = own < count ? State::kUndecided : State::kRemoved;
  for (;;) {
    const uint32_t kept_here = __ballot_sync(kAllLanes, state == State::kKept);
    const uint32_t undecided_here = __ballot_sync(kAllLanes, state == State::kUndecided);
    if (own % kWarp == 0) {
      kept[own / kWarp] = kept_here;
      undecided[own / kWarp] = undecided_here;
    }
    if (!__syncthreads_or(undecided_here != 0)) return state;
    if (state == State::kUndecided) state = decide(pairs, own, kept, undecided);
    __syncthreads();  // all have read the words
  }
}

// Round r of one segment, by one block of kTile threads.
template <typename Measure, typename T>
__device__ void settle_tile(const Walk<T>& walk, const Threshold<T>& threshold, int64_t round, int64_t start) {
  SHARED_ARRAY(WalkBox<T>, boxes, kTile);
  SHARED_ARRAY(int64_t, positions, kTile);
  SHARED_ARRAY(uint32_t, pairs, kPairWords);
  SHARED_ARRAY(uint32_t, kept, kTile / kWarp);
  SHARED_ARRAY(uint32_t, undecided, kTile / kWarp);
  SHARED_ARRAY(int, warp_counts, kMaxWarps);

  Segment& segment = walk.segments[start];
  const int64_t first = start + round * kTile, end = segment.end, kept_before = segment.kept;
  const int own = threadIdx.x;
  if (first >= end) return;
  if (kept_before >= walk.max_output) {  // nobody is visited any more
    if (own == 0) segment.tile_kept = 0;
    return;
  }

  const int64_t position = first + own;
  const bool open = position < end && walk.remover[position] == kOpen;
  int count, tile_kept;
  const int place = rank_in_block(open, warp_counts, &count);
  if (open) {
    boxes[place] = walk.boxes[position];
    positions[place] = position;
  }
  __syncthreads();

  if (own < count) test_pairs<Measure>(boxes, own, threshold, pairs);
  const State state = settle_pairs(pairs, count, kept, undecided);

  const int place_kept = rank_in_block(state == State::kKept, warp_counts, &tile_kept);
  if (state == State::kKept) {
    walk.boxes[first + place_kept] = boxes[own];
    walk.visited[first + place_kept] = positions[own];
    walk.remover[positions[own]] = positions[own];
  } else if (own < count) {
    walk.remover[positions[own]] = positions[first_remover(pairs, own, kept)];
  }
  if (own == 0) {
    const bool last = kept_before + tile_kept >= walk.max_output && !walk.want_owner;
    segment.kept = kept_before + tile_kept;
    segment.tile_kept = last ? 0 : tile_kept;
    if (tile_kept > 0 && !last && first + kTile < end) atomicMax(&walk.progress->pushing, Counter(round + 1));
  }
  __syncthreads();  // the next segment reuses the shared memory
}

template <typename Measure, typename T>
__global__ void __launch_bounds__(kTile, 1) settle(Walk<T> walk, Threshold<T> threshold, int64_t round) {
  const Counter begin = static_cast<Counter>(round) * kTile;
  if (begin >= walk.progress->longest) return;
  const int64_t segments = static_cast<int64_t>(walk.progress->segments);
  for (int64_t i = blockIdx.x; i < segments; i += gridDim.x)
    settle_tile<Measure>(walk, threshold, round, walk.segment_list[i]);
}

// A warp takes `per_warp` positions, one lane each, and tests those still open one after the other: 32 kept boxes at
// once, in visiting order, so the lowest lane that hits is the owner.
template <typename Measure, typename T>
__global__ void __launch_bounds__(kBlock, 1) push(Walk<T> walk, Threshold<T> threshold, int64_t round, int per_warp) {
  if (walk.progress->pushing != static_cast<Counter>(round) + 1) return;
  const int lane = threadIdx.x % kWarp;
  const int64_t done = (round + 1) * kTile;  // nothing before it is pushed in any segment
  const int64_t first = done + thread_in_grid() / kWarp * per_warp, own = first + lane;
  const bool open = lane < per_warp && own < walk.count && walk.remover[own] == kOpen && own - walk.start[own] >= done;

  for (uint32_t left = __ballot_sync(kAllLanes, open); left != 0; left &= left - 1) {
    const int candidate_lane = __ffs(static_cast<int>(left)) - 1;
    const int64_t position = first + candidate_lane, start = walk.start[position];
    const int64_t tile = start + round * kTile, tile_kept = walk.segments[start].tile_kept;
    const Box<T> candidate = walk.boxes[position].box;
    for (int64_t k = 0; k < tile_kept; k += kWarp) {
      const bool hit =
          k + lane < tile_kept && suppresses_early_out<Measure>(walk.boxes[tile + k + lane].box, candidate, threshold);
      const uint32_t hits = __ballot_sync(kAllLanes, hit);
      if (hits == 0) continue;
      if (lane == candidate_lane) walk.remover[position] = walk.visited[tile + k + __ffs(static_cast<int>(hits)) - 1];
      break;
    }
  }
}

}  // namespace ptdet::cuda

// Every box against the better ones of its segment, kept or not. A block takes a row of 32 positions, one a lane; its
// warps are the parts that share what comes before, which passes through shared memory a tile at a time.
#pragma once

#include "cuda/methods.h"
#include "cuda/nms_matches.h"

namespace ptdet::cuda {

// The emulator's tests also build with fewer threads, to go through every loop with few boxes.
#if defined(PTDET_NMS_TILE)
constexpr int kRowBlock = PTDET_NMS_TILE;
#else
constexpr int kRowBlock = 256;
#endif
constexpr int kParts = kRowBlock / kWarp;
static_assert(kRowBlock % kWarp == 0 && (kParts & (kParts - 1)) == 0, "warps share a tile by their number's low bits");

// So many blocks a multiprocessor at least: what the compiler chooses itself leaves CIoU of doubles short of registers.
template <typename T>
constexpr int kResidentRows = sizeof(T) == 8 ? 2 : 4;

// Of each position what others ask of it, gathered once.
template <typename Shape>
struct RankedBoxes {
  using Source = typename TileShape<Shape>::Source;
  int64_t count;
  const int64_t* rows;  // [position]
  Held<Shape>* boxes;   // [position] only of candidates
  int64_t* starts;      // [position] the first of its segment; -1: no candidate

  RankedBoxes(Layout& layout, int64_t n)
      : count(n), rows(nullptr), boxes(layout.take<Held<Shape>>(n)), starts(layout.take<int64_t>(n)) {}

  // Each position is loaded once. False if it is no candidate.
  __device__ bool gather(const Source& source, const int64_t* groups, Keys keys, int64_t position) const {
    const int64_t row = rows[position];
    const bool candidate = keys.is_candidate(row);
    starts[position] = candidate ? segment_start(groups, position) : -1;
    if (candidate) boxes[position] = TileShape<Shape>::hold(source, row);
    return candidate;
  }
};

inline int64_t rows_of_boxes(int64_t count) { return blocks_for(count, kWarp); }

// The position of this lane. Those with the most before them start first, so that no block waits for them at the end.
__device__ inline int64_t own_position() {
  return static_cast<int64_t>(gridDim.x - 1 - blockIdx.x) * kWarp + threadIdx.x % kWarp;
}

// Every thread of the block calls it. For this warp's part of the boxes better than its lane's, in their order:
// visit.stage(its slot, the box, position) once for each by some thread, then visit.look(slots, from, end, first) for
// every kParts-th of slots[from, end), whose positions count from `first` on. A slot holds all of a box, so that one
// address leads to it. If Visit::kStops, visit.has_ended() ends a lane after a tile, and all once all have ended.
template <typename Shape, typename Visit>
__device__ void for_each_better(const RankedBoxes<Shape>& ranked, Visit& visit) {
  SHARED_ARRAY(typename Visit::Slot, tile, kRowBlock);
  SHARED_ARRAY(uint32_t, ended, kParts);
  const int part = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
  const int64_t own = own_position();
  const int64_t start = own < ranked.count ? ranked.starts[own] : -1;
  const uint32_t candidates = __ballot_sync(kAllLanes, start >= 0);
  if (candidates == 0) return;  // so say all warps
  const int64_t last = own - lane + (kWarp - 1 - __clz(static_cast<int>(candidates)));
  uint32_t open = candidates;
  for (int64_t first = __shfl_sync(kAllLanes, start, __ffs(static_cast<int>(candidates)) - 1); first < last;
       first += kRowBlock) {
    const int64_t mine = first + threadIdx.x;
    if (mine < last && ranked.starts[mine] >= 0) visit.stage(tile[threadIdx.x], ranked.boxes[mine], mine);
    __syncthreads();
    if (open >> lane & 1) {
      const int from = static_cast<int>(start > first ? start - first : 0);
      const int end = static_cast<int>(own - first < kRowBlock ? own - first : kRowBlock);
      visit.look(tile, from + ((part - from) & (kParts - 1)), end, first);
    }
    if constexpr (Visit::kStops) {
      const uint32_t of_part = __ballot_sync(kAllLanes, visit.has_ended());
      if (lane == 0) ended[part] = of_part;
    }
    __syncthreads();  // all have read the tile
    if constexpr (Visit::kStops) {
      for (int each = 0; each < kParts; ++each) open &= ~ended[each];
      if (open == 0) return;
    }
  }
}

// What the parts found, together; in the threads of the first warp. Every thread of the block calls it.
template <typename Found>
__device__ Found joined(const Found& mine) {
  SHARED_ARRAY(Found, parts, kRowBlock);
  parts[threadIdx.x] = mine;
  __syncthreads();
  Found all = mine;
  if (threadIdx.x < kWarp)
    for (int part = 1; part < kParts; ++part) all.take(parts[part * kWarp + threadIdx.x]);
  return all;
}

}  // namespace ptdet::cuda

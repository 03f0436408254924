// The greedy pass over one large group, by place: a box meets only those near it (spatial_grid.h), so the work grows
// with N and not with N x K. Chunks of positions, each three times what came before it, take two launches each:
//   drop_removed  a box that a kept box of the chunks before suppresses is removed; the others are entered in `open`;
//   settle_chunk  these wait for the better ones in `open` that could suppress them, and for no others.
// A warp has one box, its lanes the boxes near it. The order within a cell's list does not show: of all that suppress a
// box the first that is kept is its owner.
// What the grid cannot hold is refused: then the pass over tiles (greedy_pass.h), which is launched after it in any
// case, does the whole group.
#pragma once

#include "math/threshold.h"
#include "cuda/inter_block_sync.h"
#include "cuda/keys.h"
#include "cuda/load.h"
#include "cuda/nms_matches.h"
#include "cuda/scan.h"
#include "cuda/spatial_grid.h"

namespace ptdet::cuda {

// From so many boxes on, if as many may be kept: below, the chain of tiles is as short. The emulator's small tiles make
// this small, too.
constexpr int64_t kSpatialFrom = 16 * kTile;
constexpr int64_t kFirstChunk = 32 * kTile;
constexpr int kChunkGrowth = 4;
constexpr int kMostChunks = 16;

constexpr int kBoxesABlock = kBlock / kWarp;

// A box that waits longer, for boxes that wait in their turn, finds the chain too long for messages between
// multiprocessors, and refuses: about 2 ms.
constexpr int kMostLooks = 16 * kTile;

// At once on a multiprocessor: what the registers allow.
template <typename Measure, typename T>
constexpr int kSpatialBlocks = sizeof(T) == 8 || std::is_same<Measure, DiouPower>::value ? 2 : 4;

// A measure that is at most IoU, and 0 or less where two boxes share no area.
template <typename Measure>
constexpr bool kHasPlaces = Measure::kBound == Bound::kIou && !Measure::kAboveZeroApart;

enum Verdict : uint32_t { kUndecided, kIsKept, kIsRemoved };

template <typename T>
struct CellLists {
  uint32_t* fill;  // [bucket] how many
  uint32_t* positions;
  AlignedBox<T>* boxes;

  __device__ void add(uint32_t bucket, uint32_t start, uint32_t position, const Box<T>& box) const {
    const uint32_t at = start + atomicAdd(&fill[bucket], 1u);
    positions[at] = position;
    boxes[at].box = box;
  }
};

template <typename T>
struct SpatialPass {
  int64_t count, buckets;
  bool want_owner;
  Reach reach;
  Keys keys;
  BoxColumn boxes;
  const int64_t* rows;  // [position] its box
  uint32_t* refused;    // (1) not 0: the pass over tiles does it all
  uint32_t* taken;      // (1) places in the lists
  Counter* tickets;     // [chunk] 0 at the start
  uint32_t* starts;     // [bucket] where its lists begin; first, how many boxes it has
  CellLists<T> kept;    // of the chunks before
  CellLists<T> open;    // that no kept box of the chunks before theirs suppresses
  uint32_t* verdicts;   // [position]
  int64_t* found;       // [row] the row that removed it, itself if kept, else -1

  __device__ uint32_t bucket(const Place& place) const { return place.bucket() & static_cast<uint32_t>(buckets - 1); }

  static int64_t buckets_for(int64_t count) {
    int64_t buckets = kWarp;
    while (buckets < count) buckets *= 2;
    return buckets;
  }
};

// No box overlaps it by more than 0: its overlaps are 0, or not finite.
template <typename T>
__device__ bool overlaps_nothing(const Box<T>& box) {
  const T own = area(box);
  return !(own > T(0) && is_finite(own));
}

template <typename T>
__global__ void clear_cells(SpatialPass<T> pass) {
  const int64_t bucket = thread_in_grid();
  if (bucket >= pass.buckets) return;
  pass.starts[bucket] = pass.kept.fill[bucket] = pass.open.fill[bucket] = 0;
  if (bucket < kMostChunks) pass.tickets[bucket] = 0;
  if (bucket == 0) *pass.refused = *pass.taken = 0;
}

template <typename T>
__global__ void count_in_cells(SpatialPass<T> pass) {
  const int64_t position = thread_in_grid();
  if (position >= pass.count) return;
  const int64_t row = pass.rows[position];
  if (!pass.keys.is_candidate(row)) return;
  const Box<T> box = load_box<T>(pass.boxes, row);
  if (overlaps_nothing(box)) return;
  const Place place = Place::of(box);
  if (place.is_ordinary())
    atomicAdd(&pass.starts[pass.bucket(place)], 1u);
  else
    atomicOr(pass.refused, 1u);
}

// Where the lists of a bucket begin, each bucket after another: which after which does not show.
template <typename T>
__global__ void place_cells(SpatialPass<T> pass) {
  SHARED_ARRAY(int64_t, sums, kBlock);
  SHARED_ARRAY(uint32_t, start, 1);
  const int64_t bucket = thread_in_grid();
  int64_t total;
  const int64_t before = sum_before(bucket < pass.buckets ? pass.starts[bucket] : 0, sums, &total);
  if (threadIdx.x == 0) *start = atomicAdd(pass.taken, static_cast<uint32_t>(total));
  __syncthreads();
  if (bucket < pass.buckets) pass.starts[bucket] = *start + static_cast<uint32_t>(before);
}

__device__ inline uint32_t least_of_warp(uint32_t mine) {
  for (int step = kWarp / 2; step > 0; step /= 2) {
    const uint32_t other = __shfl_sync(kAllLanes, mine, (threadIdx.x ^ step) % kWarp);
    if (other < mine) mine = other;
  }
  return mine;
}

// Every lane of the warp calls it, with the same box. visit(a place in the lists, or kNoPlace), by 32 places at a time,
// until it returns true; its warp operations meet in all lanes.
constexpr uint32_t kNoPlace = 0xffffffffu;

template <typename T, typename Visit>
__device__ void for_each_near(const SpatialPass<T>& pass, const uint32_t* fill, const Place& own, Visit&& visit) {
  const int lane = threadIdx.x % kWarp;
  const NearCells across = NearCells::of(own.across, pass.reach, lane);
  const NearCells down = NearCells::of(own.down, pass.reach, lane);
  const int cells = across.count * down.count;
  for (int first = 0; first < cells; first += kWarp) {
    const int cell = first + lane, column = cell / down.count;
    const uint32_t x = __shfl_sync(kAllLanes, across.hash, column % kWarp);
    const uint32_t y = __shfl_sync(kAllLanes, down.hash, (cell - column * down.count) % kWarp);
    uint32_t size = 0, start = 0;
    if (cell < cells) {
      const uint32_t bucket = bucket_of(x, y) & static_cast<uint32_t>(pass.buckets - 1);
      size = fill[bucket];
      start = pass.starts[bucket];
    }
    uint32_t upto = size;  // the boxes of this lane's cell and of those before
    for (int step = 1; step < kWarp; step *= 2) {
      const uint32_t other = __shfl_sync(kAllLanes, upto, (lane - step) & (kWarp - 1));
      if (lane >= step) upto += other;
    }
    const uint32_t total = __shfl_sync(kAllLanes, upto, kWarp - 1);
    const uint32_t offset = start - (upto - size);
    for (uint32_t begin = 0; begin < total; begin += kWarp) {
      const uint32_t k = begin + static_cast<uint32_t>(lane);
      int holder = 0;  // the first lane whose cell goes on after k
      for (int half = kWarp / 2; half > 0; half /= 2)
        if (__shfl_sync(kAllLanes, upto, holder + half - 1) <= k) holder += half;
      const uint32_t at = __shfl_sync(kAllLanes, offset, holder) + k;
      if (visit(k < total ? at : kNoPlace)) return;
    }
  }
}

template <typename Measure, typename T>
__global__ void __launch_bounds__(kBlock, kSpatialBlocks<Measure, T>)
    drop_removed(SpatialPass<T> pass, Threshold<T> threshold, int64_t begin, int64_t end) {
  const int64_t position = begin + thread_in_grid() / kWarp;
  if (position >= end || *pass.refused != 0) return;
  const bool writes = threadIdx.x % kWarp == 0;
  const int64_t row = pass.rows[position];
  const bool candidate = pass.keys.is_candidate(row);
  const Box<T> own = candidate ? load_box<T>(pass.boxes, row) : Box<T>{};
  if (overlaps_nothing(own)) {
    if (writes) pass.verdicts[position] = candidate ? kIsKept : kIsRemoved;
    if (writes) pass.found[row] = candidate ? row : -1;
    return;
  }
  const Place place = Place::of(own);
  uint32_t first = kNoPlace;  // the best box that removes it
  if (begin > 0) {
    for_each_near(pass, pass.kept.fill, place, [&](uint32_t at) {
      if (at != kNoPlace && pass.kept.positions[at] < first &&
          suppresses_early_out<Measure>(pass.kept.boxes[at].box, own, threshold))
        first = pass.kept.positions[at];
      return !pass.want_owner && __any_sync(kAllLanes, first != kNoPlace);
    });
    first = least_of_warp(first);
  }
  if (!writes) return;
  if (first != kNoPlace) {
    pass.verdicts[position] = kIsRemoved;
    pass.found[row] = pass.rows[first];
  } else {
    pass.verdicts[position] = kUndecided;
    const uint32_t bucket = pass.bucket(place);
    pass.open.add(bucket, pass.starts[bucket], static_cast<uint32_t>(position), own);
  }
}

// Waits for the boxes at `position` of those lanes that `hit`. Returns the best that is kept, if before `first`; else
// `first`. *refused: the wait was given up. Every lane of the warp calls it.
template <typename T>
__device__ uint32_t first_kept(const SpatialPass<T>& pass, bool hit, uint32_t position, uint32_t first, bool* refused) {
  for (int looks = 0; __any_sync(kAllLanes, hit); ++looks) {
    if (looks > 0) pause(100);
    const uint32_t verdict = hit ? load_relaxed(&pass.verdicts[position]) : kIsRemoved;
    if (__any_sync(kAllLanes, verdict == kIsKept))
      first = least_of_warp(verdict == kIsKept && position < first ? position : first);
    hit = verdict == kUndecided && position < first && (pass.want_owner || first == kNoPlace);
    if (looks == kMostLooks) atomicOr(pass.refused, 1u);
    *refused = looks > 0 && __any_sync(kAllLanes, load_relaxed(pass.refused) != 0);
    if (*refused) break;
  }
  return first;
}

template <typename Measure, typename T>
__global__ void __launch_bounds__(kBlock, kSpatialBlocks<Measure, T>)
    settle_chunk(SpatialPass<T> pass, Threshold<T> threshold, int64_t begin, int64_t end, int chunk) {
  SHARED_ARRAY(Counter, ticket, 1);
  const int64_t drawn = draw_ticket(&pass.tickets[chunk], ticket);
  const int64_t position = begin + drawn * kBoxesABlock + threadIdx.x / kWarp;
  if (position >= end || __any_sync(kAllLanes, load_relaxed(pass.refused) != 0)) return;
  if (__any_sync(kAllLanes, load_relaxed(&pass.verdicts[position]) != kUndecided)) return;

  const int64_t row = pass.rows[position];
  const Box<T> own = load_box<T>(pass.boxes, row);
  const Place place = Place::of(own);
  const uint32_t self = static_cast<uint32_t>(position);
  uint32_t first = kNoPlace;
  bool refused = false;
  for_each_near(pass, pass.open.fill, place, [&](uint32_t at) {
    const uint32_t other = at == kNoPlace ? kNoPlace : pass.open.positions[at];
    const bool hit =
        other < self && other < first && suppresses_early_out<Measure>(pass.open.boxes[at].box, own, threshold);
    first = first_kept(pass, hit, other, first, &refused);
    return refused || (!pass.want_owner && first != kNoPlace);
  });
  if (refused || threadIdx.x % kWarp != 0) return;
  const bool kept = first == kNoPlace;
  store_relaxed(&pass.verdicts[position], static_cast<uint32_t>(kept ? kIsKept : kIsRemoved));
  pass.found[row] = kept ? row : pass.rows[first];
  if (!kept) return;
  const uint32_t bucket = pass.bucket(place);
  pass.kept.add(bucket, pass.starts[bucket], self, own);
}

template <typename Measure, typename T>
void pass_by_place(const SpatialPass<T>& pass, const Threshold<T>& threshold, void* stream) {
  const auto clear_kernel = clear_cells<T>;
  const auto count_kernel = count_in_cells<T>;
  const auto place_kernel = place_cells<T>;
  const auto drop_kernel = drop_removed<Measure, T>;
  const auto settle_kernel = settle_chunk<Measure, T>;
  LAUNCH(clear_kernel, blocks_for(pass.buckets, kBlock), kBlock, stream, pass);
  LAUNCH(count_kernel, blocks_for(pass.count, kBlock), kBlock, stream, pass);
  LAUNCH(place_kernel, blocks_for(pass.buckets, kBlock), kBlock, stream, pass);
  int64_t begin = 0, end = kFirstChunk;
  for (int chunk = 0; begin < pass.count; ++chunk) {
    if (end > pass.count || chunk == kMostChunks - 1) end = pass.count;
    const int64_t blocks = blocks_for(end - begin, kBoxesABlock);
    LAUNCH(drop_kernel, blocks, kBlock, stream, pass, threshold, begin, end);
    LAUNCH(settle_kernel, blocks, kBlock, stream, pass, threshold, begin, end, chunk);
    begin = end;
    end *= kChunkGrowth;
  }
}

}  // namespace ptdet::cuda

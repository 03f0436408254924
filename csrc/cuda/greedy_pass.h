// The greedy pass in one launch: a block takes a tile of kTile positions. Boxes of a segment (one group's boxes, side
// by side in score order) that began in an earlier tile first meet what that segment kept there, tile by tile as it
// is published; segments that begin in the tile wait for nobody. So a million small segments and one of a million
// boxes are the same launch, and memory grows with N. Which boxes of the tile before meet which of this one is found
// out while that tile is still at work: once that tile has published its progress, ours takes a few votes.
#pragma once

#include "cuda/keys.h"
#include "cuda/load.h"
#include "cuda/nms_matches.h"
#include "cuda/inter_block_sync.h"

namespace ptdet::cuda {

// At once on a multiprocessor: what the registers allow. A power is computed in double.
template <typename Measure, typename Shape>
constexpr int kResidentBlocks = std::is_same<Measure, DiouPower>::value && TileShape<Shape>::kResidentBlocks > 2
                                    ? 2
                                    : TileShape<Shape>::kResidentBlocks;

template <typename Shape>
struct TilePass {
  int64_t count;
  int64_t max_output;
  bool want_owner;
  const uint32_t* wanted;  // (1) 0: another pass did it all; null: it is wanted
  Keys keys;
  typename TileShape<Shape>::Source boxes;
  const int64_t* rows;      // [position] its box
  const int64_t* groups;    // [position] ascending; null: one group
  Counter* tickets;         // 0 at the start
  int64_t* head;            // [tile] where the segment of its first position begins
  Counter* progress;        // [tile] of the segment that begins in it and goes on after it; 0 at the start
  Held<Shape>* kept_boxes;  // [where a segment begins + i] its i-th kept box
  int64_t* kept_rows;
  int64_t* kept_before;  // [tile] what its last segment kept before it
  uint32_t* kept_words;  // [tile, word] which of its boxes are kept, as bits: of its last segment for certain
  int64_t* found;        // [row] the row that removed it, itself if kept, else -1
};

// How far a segment has come.
struct Progress {
  int64_t tiles;  // whose boxes of the segment are all decided
  int64_t kept;   // the boxes that were kept in them: fewer than 2^32

  static constexpr int kKeptBits = 32;
  PTDET_HD Counter packed() const { return static_cast<Counter>(tiles) << kKeptBits | static_cast<Counter>(kept); }
  PTDET_HD static Progress from(Counter word) {
    return {static_cast<int64_t>(word >> kKeptBits), static_cast<int64_t>(word & 0xffffffffu)};
  }
};

template <typename Shape>
struct TileMemory {  // shared by the block
  Held<Shape>* boxes;
  Held<Shape>* batch;  // kept boxes of earlier tiles; first, the boxes of the tile before
  uint32_t* matches;
  uint32_t* cross;  // matches with the boxes of the tile before: [word, box]
  uint32_t* marks;  // as bits: where segments begin; later, what the tile before kept
  uint32_t* kept;
  uint32_t* open;
  int* listed;     // the open boxes that meet a batch
  int* first_hit;  // [box] the first in the batch that removes it
  int* warp_counts;
  Counter* progress;
};

// The last position <= own of the tile at which a segment begins; -1: it began in an earlier tile.
__device__ inline int segment_in_tile(const uint32_t* begins, int own) {
  uint32_t bits = begins[own / kWarp] & (kAllLanes >> (kWarp - 1 - own % kWarp));
  int word = own / kWarp;
  while (bits == 0 && word > 0) bits = begins[--word];
  return bits == 0 ? -1 : word * kWarp + kWarp - 1 - __clz(static_cast<int>(bits));
}

// The open boxes of the tile against a batch of kept ones. Lanes that would have no box share the work of those that
// have: a power of two of threads takes one box each, the next as many the same boxes with other boxes of the batch.
template <typename Measure, typename Shape>
__device__ void meet_batch(const TileMemory<Shape>& memory, int open_count, int batch_count,
                           const ShapeThreshold<Shape>& threshold) {
  const int width_log2 = kWarp - __clz(open_count - 1);  // shifts: a division would cost more than a pair
  const int candidate = threadIdx.x & ((1 << width_log2) - 1);
  if (candidate >= open_count) return;
  const int at = memory.listed[candidate];
  const Held<Shape> box = memory.boxes[at];
  const int step = kTile >> width_log2;
  TileShape<Shape>::template take_first_match<Measure>(memory.batch, threadIdx.x >> width_log2, batch_count, step, box,
                                                       threshold, [&](int k) { atomicMin(&memory.first_hit[at], k); });
}

// Which boxes of the tile before could remove the head's open ones, from the place `from` in that tile on. The batch is
// free again after the next barrier.
template <typename Measure, typename Shape>
__device__ void test_cross_matches(const TilePass<Shape>& pass, const TileMemory<Shape>& memory,
                                   const ShapeThreshold<Shape>& threshold, int64_t first, int from, bool open) {
  const int own = threadIdx.x;
  if (own >= from) memory.batch[own] = TileShape<Shape>::hold(pass.boxes, pass.rows[first - kTile + own]);
  __syncthreads();
  if (open) {
    const Held<Shape> box = memory.boxes[own];
    for (int word = from / kWarp; word < kTileWords; ++word) {
      const int begin = word * kWarp;
      memory.cross[word * kTile + own] = TileShape<Shape>::template match_bits<Measure>(
          memory.batch + begin, from > begin ? from - begin : 0, kWarp, box, threshold);
    }
  }
}

// Compares the head's open boxes with all that its segment keeps in the tiles before, as it becomes known. Returns
// once those tiles are done, or once enough are kept that the rest is not reached.
template <typename Measure, typename Shape>
__device__ Progress meet_earlier(const TilePass<Shape>& pass, const TileMemory<Shape>& memory,
                                 const ShapeThreshold<Shape>& threshold, int64_t begin, int64_t tile, bool goes_on,
                                 BoxState* state, int64_t* suppressor) {
  const int own = threadIdx.x;
  const int64_t before = tile - begin / kTile, first_before = (tile - 1) * kTile;
  const int from = begin > first_before ? static_cast<int>(begin - first_before) : 0;
  test_cross_matches<Measure>(pass, memory, threshold, tile * kTile, from, *state == BoxState::kOpen);
  const Counter* published = &pass.progress[begin / kTile];
  int open_count = 0;
  bool stale = true;  // `listed` is not what is open
  int64_t met = 0;
  for (;;) {
    if (own == 0) {
      *memory.progress = wait_for(published, [&](Counter word) {
        const Progress now = Progress::from(word);
        return now.kept > met || now.kept >= pass.max_output ? 0 : before - now.tiles;
      });
    }
    __syncthreads();
    const Progress now = Progress::from(*memory.progress);
    const bool enough = now.kept >= pass.max_output;
    if (enough && !pass.want_owner) return now;

    const bool done = now.tiles == before;
    if (done && own < kTileWords) memory.marks[own] = pass.kept_words[(tile - 1) * kTileWords + own];
    const int64_t listed = done ? pass.kept_before[tile - 1] : now.kept;  // the rest is in the tile before
    while (met < listed) {
      const int batch_count = static_cast<int>(listed - met < kTile ? listed - met : kTile);
      if (stale) {
        const int place = rank_in_block(*state == BoxState::kOpen, memory.warp_counts, &open_count);
        if (*state == BoxState::kOpen) memory.listed[place] = own;
        stale = false;
      }
      if (open_count == 0) break;
      if (own < batch_count) memory.batch[own] = pass.kept_boxes[begin + met + own];
      memory.first_hit[own] = kTile;
      __syncthreads();
      meet_batch<Measure>(memory, open_count, batch_count, threshold);
      __syncthreads();
      const bool hit = *state == BoxState::kOpen && memory.first_hit[own] < kTile;
      if (hit) {
        *state = BoxState::kRemoved;
        *suppressor = pass.kept_rows[begin + met + memory.first_hit[own]];
      }
      stale = __syncthreads_or(hit);
      met += batch_count;
    }
    if (met < listed) {  // nothing is open any more
      if (!goes_on) return now;
      met = listed;
    }
    __syncthreads();  // all have read what was published; the words are there
    if (done && *state == BoxState::kOpen) {
      for (int word = from / kWarp; word < kTileWords; ++word) {
        const uint32_t hits = memory.cross[word * kTile + own] & memory.marks[word];
        if (hits == 0) continue;
        *state = BoxState::kRemoved;
        *suppressor = pass.rows[first_before + word * kWarp + __ffs(static_cast<int>(hits)) - 1];
        break;
      }
    }
    if (done || enough) return now;
  }
}

// Decides the open boxes, which no box of another tile can remove any more. Returns how many are kept of those whose
// segment continues in the next tile: these have a `list` to be added to, which is -1 for others. `goes_on`: there are
// such.
template <typename Shape>
__device__ int select_open(const TilePass<Shape>& pass, const TileMemory<Shape>& memory, int from, int64_t first,
                           int64_t row, bool goes_on, int64_t list, BoxState* state, int64_t* suppressor) {
  const int own = threadIdx.x;
  *state = settle(memory.matches, from, *state, memory.kept, memory.open);
  if (*state == BoxState::kRemoved)
    *suppressor = pass.rows[first + first_suppressor(memory.matches, from, own, memory.kept)];
  int count;
  const bool listed = *state == BoxState::kKept && list >= 0;
  const int place = rank_in_block(listed, memory.warp_counts, &count);
  if (listed) {
    pass.kept_boxes[list + place] = memory.boxes[own];
    pass.kept_rows[list + place] = row;
  }
  if (goes_on && own < kTileWords) pass.kept_words[first / kWarp + own] = memory.kept[own];
  __syncthreads();  // the list is whole; the words are free again
  return count;
}

template <typename Measure, typename Shape>
__device__ void pass_over_tile(const TilePass<Shape>& pass, const TileMemory<Shape>& memory,
                               const ShapeThreshold<Shape>& threshold, int64_t tile) {
  const int own = threadIdx.x;
  const int64_t first = tile * kTile, position = first + own, head = pass.head[tile];
  const bool real = position < pass.count;
  const int64_t row = real ? pass.rows[position] : -1;
  const bool candidate = real && pass.keys.is_candidate(row);
  bool begins = own == 0 && head == first;
  if (own > 0 && real && pass.groups != nullptr) begins = pass.groups[position] != pass.groups[position - 1];
  const uint32_t begins_here = __ballot_sync(kAllLanes, begins);
  if (own % kWarp == 0) memory.marks[own / kWarp] = begins_here;
  if (candidate) memory.boxes[own] = TileShape<Shape>::hold(pass.boxes, row);
  const bool any = __syncthreads_or(candidate);
  if (!any) {  // nor in the next tile's part of these segments: candidates come first
    if (real) pass.found[row] = -1;
    return;
  }

  const int segment = segment_in_tile(memory.marks, own), last = segment_in_tile(memory.marks, kTile - 1);
  const bool goes_on = first + kTile < pass.count && pass.head[tile + 1] < first + kTile;
  const int from = segment < 0 ? 0 : segment;
  if (candidate) test_matches<Measure, Shape>(memory.boxes, from, own, threshold, memory.matches);

  BoxState state = BoxState::kOutside;
  int64_t suppressor = -1;
  if (segment >= 0 && candidate) state = BoxState::kOpen;
  const int64_t list = goes_on && segment >= 0 && segment == last ? first + last : -1;
  const bool tail_goes_on = goes_on && last >= 0;
  const int tail_kept = select_open(pass, memory, from, first, row, tail_goes_on, list, &state, &suppressor);
  if (own == 0 && tail_goes_on) {
    pass.kept_before[tile] = 0;
    publish(&pass.progress[tile], Progress{1, tail_kept}.packed());
  }
  if (real && segment >= 0) pass.found[row] = state == BoxState::kKept ? row : suppressor;

  const bool in_head = segment < 0 && candidate;
  if (head == first || !__syncthreads_or(in_head)) {
    if (real && segment < 0) pass.found[row] = -1;
    return;
  }
  state = in_head ? BoxState::kOpen : BoxState::kOutside;
  const bool publishes = goes_on && last < 0;
  const Progress before = meet_earlier<Measure>(pass, memory, threshold, head, tile, publishes, &state, &suppressor);
  if (before.kept < pass.max_output) {
    BoxState selected = state == BoxState::kOpen ? BoxState::kOpen : BoxState::kOutside;
    int64_t removed_here = -1;
    const int kept = select_open(pass, memory, 0, first, row, publishes, publishes ? head + before.kept : -1, &selected,
                                 &removed_here);
    if (own == 0 && publishes) {
      pass.kept_before[tile] = before.kept;
      publish(&pass.progress[head / kTile], Progress{before.tiles + 1, before.kept + kept}.packed());
    }
    if (selected == BoxState::kKept) suppressor = row;
    if (selected == BoxState::kRemoved) suppressor = removed_here;
  }
  if (real && segment < 0) pass.found[row] = suppressor;
}

template <typename Measure, typename Shape>
__global__ void __launch_bounds__(kTile, kResidentBlocks<Measure, Shape>)
    pass_over_tiles(TilePass<Shape> pass, ShapeThreshold<Shape> threshold) {
  SHARED_ARRAY(Held<Shape>, boxes, kTile);
  SHARED_ARRAY(Held<Shape>, batch, kTile);
  SHARED_ARRAY(uint32_t, matches, kMatchWords);
  SHARED_ARRAY(uint32_t, cross, kTileWords* kTile);
  SHARED_ARRAY(uint32_t, marks, kTileWords);
  SHARED_ARRAY(uint32_t, kept, kTileWords);
  SHARED_ARRAY(uint32_t, open, kTileWords);
  SHARED_ARRAY(int, listed, kTile);
  SHARED_ARRAY(int, first_hit, kTile);
  SHARED_ARRAY(int, warp_counts, kMaxWarps);
  SHARED_ARRAY(Counter, progress, 1);
  SHARED_ARRAY(Counter, ticket, 1);
  if (pass.wanted != nullptr && *pass.wanted == 0) return;
  const TileMemory<Shape> memory{boxes, batch,  matches,   cross,       marks,   kept,
                                 open,  listed, first_hit, warp_counts, progress};
  pass_over_tile<Measure>(pass, memory, threshold, draw_ticket(pass.tickets, ticket));
}

}  // namespace ptdet::cuda

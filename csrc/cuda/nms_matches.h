// The greedy pass within a tile: which of its boxes meet, as bits, and which are kept.
#pragma once

#include "math/threshold.h"
#include "cuda/load.h"
#include "cuda/scan.h"

namespace ptdet::cuda {

// The emulator's tests also build with small tiles, to go through every loop with few boxes.
#if defined(PTDET_NMS_TILE)
constexpr int kTile = PTDET_NMS_TILE;
#else
constexpr int kTile = 256;
#endif
constexpr int kTileWords = kTile / kWarp;
static_assert(kTile % kWarp == 0 && kTile <= kWarp * kMaxWarps, "a tile is one block of whole warps");
static_assert((kTile & (kTile - 1)) == 0, "a block is split into equal parts");

// One row a candidate, one bit a box before it. Rows of a warp end with its own word, and words of one column lie side
// by side, so lanes meet in no bank.
constexpr int kMatchWords = kTileWords * (kTileWords + 1) / 2 * kWarp;

__device__ inline int match_word(int candidate, int word) {
  const int warp = candidate / kWarp;
  return (warp * (warp + 1) / 2 + word) * kWarp + candidate % kWarp;
}

// What the pass over tiles asks of a shape (math/box.h): how its boxes lie in shared memory and in the list of what is
// kept, where they are read from, and the loops over pairs.
template <typename Shape>
struct TileShape;

template <typename T>
struct TileShape<Box<T>> {
  using Number = T;
  using Held = AlignedBox<T>;
  using Source = BoxColumn;
  static constexpr int kResidentBlocks = sizeof(T) == 8 ? 1 : 4;  // at once on a multiprocessor

  __device__ static Held hold(const Source& boxes, int64_t row) { return {load_box<T>(boxes, row)}; }

  // Which of boxes[from, end) suppress the candidate: bit b says so of boxes[b].
  template <typename Measure>
  __device__ static uint32_t match_bits(const Held* boxes, int from, int end, const Held& candidate,
                                        const Threshold<T>& threshold) {
    const Held* at = boxes + from;
    uint32_t bits = 0;
    for (int b = from; b < end; ++b, ++at)
      if (suppresses_early_out<Measure>(at->box, candidate.box, threshold)) bits |= 1u << b;
    return bits;
  }

  // take(i) for the first of boxes[from], boxes[from + step], ... below `end` that suppresses the candidate.
  template <typename Measure, typename Take>
  __device__ static void take_first_match(const Held* boxes, int from, int end, int step, const Held& candidate,
                                          const Threshold<T>& threshold, Take&& take) {
    for (const Held* at = boxes + from; from < end; from += step, at += step) {
      if (!suppresses_early_out<Measure>(at->box, candidate.box, threshold)) continue;
      take(from);
      return;
    }
  }
};

template <typename Shape>
using Held = typename TileShape<Shape>::Held;
template <typename Shape>
using ShapeThreshold = Threshold<typename TileShape<Shape>::Number>;

// Fills row `candidate` for the boxes from `from` on; only its own thread reads it, and only from that word on.
template <typename Measure, typename Shape>
__device__ void test_matches(const Held<Shape>* boxes, int from, int candidate, const ShapeThreshold<Shape>& threshold,
                             uint32_t* matches) {
  const Held<Shape> own = boxes[candidate];
  for (int word = from / kWarp; word <= candidate / kWarp; ++word) {
    const int first = word * kWarp;
    const int end = candidate - first < kWarp ? candidate - first : kWarp;
    matches[match_word(candidate, word)] = TileShape<Shape>::template match_bits<Measure>(
        boxes + first, from > first ? from - first : 0, end, own, threshold);
  }
}

enum class BoxState { kOpen, kKept, kRemoved, kOutside };

// A box is removed if one that is kept removes it, and kept if none is left that could.
__device__ inline BoxState decide(const uint32_t* matches, int from, int candidate, const uint32_t* kept,
                                  const uint32_t* open) {
  bool waits = false;
  for (int word = from / kWarp; word <= candidate / kWarp; ++word) {
    const uint32_t bits = matches[match_word(candidate, word)];
    if (bits & kept[word]) return BoxState::kRemoved;
    waits |= (bits & open[word]) != 0;
  }
  return waits ? BoxState::kOpen : BoxState::kKept;
}

__device__ inline int first_suppressor(const uint32_t* matches, int from, int candidate, const uint32_t* kept) {
  int word = from / kWarp;
  while (!(matches[match_word(candidate, word)] & kept[word])) ++word;
  return word * kWarp + __ffs(static_cast<int>(matches[match_word(candidate, word)] & kept[word])) - 1;
}

// All open boxes at once: the first of them can always be decided, so it ends after as many sweeps as the longest
// chain of boxes that wait for each other. `kept` names at the end all that were kept here.
__device__ inline BoxState settle(const uint32_t* matches, int from, BoxState state, uint32_t* kept, uint32_t* open) {
  const int own = threadIdx.x;
  for (;;) {
    const uint32_t kept_here = __ballot_sync(kAllLanes, state == BoxState::kKept);
    const uint32_t open_here = __ballot_sync(kAllLanes, state == BoxState::kOpen);
    if (own % kWarp == 0) {
      kept[own / kWarp] = kept_here;
      open[own / kWarp] = open_here;
    }
    if (!__syncthreads_or(open_here != 0)) return state;
    if (state == BoxState::kOpen) state = decide(matches, from, own, kept, open);
    __syncthreads();  // all have read the words
  }
}

}  // namespace ptdet::cuda

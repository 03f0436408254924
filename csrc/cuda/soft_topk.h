// Which open boxes of a group make up the front of a round of soft-NMS: its best box and so many of the best that the
// front is at least half full. Any choice that holds the best box would give the same result.
#pragma once

#include "cuda/scan.h"
#include "cuda/soft_state.h"

namespace ptdet::cuda {

#if defined(PTDET_NMS_TILE)
constexpr int kFront = PTDET_NMS_TILE;
constexpr int kDigitBits = 4;
#else
constexpr int kFront = 256;
constexpr int kDigitBits = 8;
#endif
constexpr int kDigits = 1 << kDigitBits;
static_assert(kDigits <= kGroupBlock, "a thread looks after one digit");

template <typename Key>
struct ChoiceMemory {  // shared by the block
  Best<Key>* bests;    // [thread]
  int* digits;         // [digit] how many open boxes have it
  int* chosen;         // (2) a digit, and how many boxes come before those that have it
  int* warp_counts;
  int64_t* positions;  // [i] of the i-th box chosen: the result
};

// All boxes with a key below `key`, the box at `best`, and as many at `key` as there is room for, by position.
template <typename Key>
struct Cut {
  Key key;
  int64_t best;
  int room;

  __device__ static Cut everything() { return {~Key(0), -1, 0}; }  // no score has that key
};

// The place of the cut, a digit of the keys after the other: up to which of them the front has room.
template <typename T, typename Score, typename Key>
__device__ Cut<Key> find_cut(const SoftPass<T, Score>& pass, const ChoiceMemory<Key>& memory, int64_t start,
                             int64_t end) {
  const int own = threadIdx.x;
  Best<Key> best{Key(0), -1};
  each_open(pass, start, end, [&](int64_t p, Score score) { best.take({score_key(score), p}, pass.rows); });
  best = best_in_block(best, memory.bests, pass.rows);
  Key known = 0, mask = 0;  // the digits found, and where they stand
  int before = 0;           // open boxes that come before those that have them
  for (int shift = 8 * static_cast<int>(sizeof(Key)) - kDigitBits; shift >= 0 && 2 * before < kFront;
       shift -= kDigitBits) {
    if (own < kDigits) memory.digits[own] = 0;
    if (own == 0) memory.chosen[0] = kDigits;
    __syncthreads();
    each_open(pass, start, end, [&](int64_t, Score score) {
      const Key key = score_key(score);
      if ((key & mask) == known) atomicAdd(&memory.digits[(key >> shift) % kDigits], 1);
    });
    __syncthreads();
    int first = before;
    for (int digit = 0; digit < own && digit < kDigits; ++digit) first += memory.digits[digit];
    if (own < kDigits && first <= kFront && first + memory.digits[own] > kFront) {
      memory.chosen[0] = own;
      memory.chosen[1] = first;
    }
    __syncthreads();
    if (memory.chosen[0] == kDigits) return Cut<Key>::everything();
    known |= static_cast<Key>(memory.chosen[0]) << shift;
    mask |= static_cast<Key>(kDigits - 1) << shift;
    before = memory.chosen[1];
    __syncthreads();  // all have read it
  }
  return {known, best.position, kFront - (before > 0 ? before : 1)};  // with none before, the best is at the cut
}

// What a score that may still meet others can become at best. Products with numbers from -1 to 1 never come out above
// a finite score >= 0; infinity can become NaN, which is selected first, and a negative score can rise.
template <typename Score>
__device__ auto bound_key(Score score) {
  return score >= Score(0) && score < Score(INFINITY) ? score_key(score) : decltype(score_key(score))(0);
}

// Lists the boxes of the cut by position. Returns the best that a box left out can become; no position: none is.
template <typename T, typename Score, typename Key>
__device__ Best<Key> list_front(const SoftPass<T, Score>& pass, const ChoiceMemory<Key>& memory, const Cut<Key>& cut,
                                bool reselect, int64_t start, int64_t end, int* count) {
  Best<Key> left{Key(0), -1};
  int listed = 0, ties = 0;
  for (int64_t first = start; first < end; first += blockDim.x) {
    const int64_t p = first + threadIdx.x;
    const bool open = p < end && pass.by[p] == kOpen;
    const Score score = open ? pass.scores[p] : Score(0);
    const Key key = reselect ? score_key(score) : Key(0);
    const bool sure = open && (key < cut.key || p == cut.best), tie = open && !sure && key == cut.key;
    int ties_here, listed_here;
    const int tied = ties + rank_in_block(tie, memory.warp_counts, &ties_here);
    const bool chosen = sure || (tie && tied < cut.room);
    __syncthreads();
    const int at = listed + rank_in_block(chosen, memory.warp_counts, &listed_here);
    __syncthreads();
    if (chosen) memory.positions[at] = p;
    if (open && !chosen) left.take({bound_key(score), p}, pass.rows);
    ties += ties_here, listed += listed_here;
  }
  *count = listed;
  return best_in_block(left, memory.bests, pass.rows);
}

// All threads of the block call it. Without re-selection the order of selections is that of the positions.
template <typename T, typename Score, typename Key>
__device__ Best<Key> choose_front(const SoftPass<T, Score>& pass, const ChoiceMemory<Key>& memory, bool reselect,
                                  int64_t start, int64_t end, int* count) {
  Cut<Key> cut = Cut<Key>::everything();
  if (end - start > kFront) cut = reselect ? find_cut(pass, memory, start, end) : Cut<Key>{Key(0), -1, kFront};
  return list_front(pass, memory, cut, reselect, start, end, count);
}

}  // namespace ptdet::cuda

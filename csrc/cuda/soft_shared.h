// The front of a round of soft-NMS: some of a group's boxes, the best of all among them, in shared memory. Scores only
// fall, so while the best of the front comes before what any other box was when the round began, it is the best of all:
// the selections are made within the front, and the other boxes meet the whole list of selected ones afterwards, in its
// order. Each score goes through the same products in the same order as if all had met each selected box at once.
//
// Of the front, in the order of the scores as they are, the longest prefix in which no box meets an earlier one is
// selected at once: none of it changes a score of it, and what falls meanwhile only falls behind it.
#pragma once

#include "math/threshold.h"
#include "cuda/soft_topk.h"

namespace ptdet::cuda {

constexpr int kFrontWords = kFront / kWarp;
static_assert(kFront % kWarp == 0 && kFront <= kGroupBlock, "a thread looks after one slot");

// A slot and its place in the order of selections: the lower key first, of equals the lower slot.
template <typename Key>
struct Ranked {
  Key key = ~Key(0);  // none: no score has that key
  int slot = kFront;

  __device__ bool before(const Ranked& other) const {
    return (key < other.key) | ((key == other.key) & (slot < other.slot));
  }
  __device__ void take(const Ranked& other) {
    if (other.before(*this)) *this = other;
  }
};

template <typename Key>
struct alignas(8) RankedMemory {  // shared memory runs no constructors
  Key key;
  int slot;
};

template <typename T, typename Score>
struct Front {  // shared by the block
  using Key = KeyOf<Score>;
  AlignedBox<T>* boxes;      // [slot]; of equal scores the lower slot is selected first
  Score* scores;             // [slot] as they are now
  Key* keys;                 // [slot] of the scores; without re-selection 0
  int64_t* positions;        // [slot]
  int* by;                   // [slot] the slot that took it to min_score, itself if selected, else -1
  uint32_t* meets;           // [word, slot] which slots' boxes it can change, as bits
  uint32_t* open;            // [word] which slots are open, as bits
  uint32_t* chosen;          // [word] which slots are selected at once
  RankedMemory<Key>* bests;  // [word]
  AlignedBox<T>* selected;   // [i] the box of the i-th selection
  int64_t* selected_at;      // [i] its slot, then its position
  int64_t* rows;             // [i] of the chosen boxes by position

  __device__ Ranked<Key> ranked(int slot) const { return {keys[slot], slot}; }
  __device__ void set_score(int slot, Score score, bool reselect) const {
    scores[slot] = score;
    keys[slot] = reselect ? score_key(score) : Key(0);
  }

  // Every thread of the block calls it. The words are there after the next barrier.
  __device__ void write_bits(uint32_t* words, bool bit) const {
    const uint32_t bits = __ballot_sync(kAllLanes, bit);
    if (threadIdx.x < kFront && threadIdx.x % kWarp == 0) words[threadIdx.x / kWarp] = bits;
  }

  // f(slot) for those of `words` that the slot meets, until it returns false.
  template <typename F>
  __device__ void each_met(int slot, const uint32_t* words, F&& f) const {
    for (int word = 0; word < kFrontWords; ++word)
      for (uint32_t bits = meets[word * kFront + slot] & words[word]; bits != 0; bits &= bits - 1)
        if (!f(word * kWarp + __ffs(static_cast<int>(bits)) - 1)) return;
  }

  // The first of all threads'. Every thread of the block calls it; two calls have a barrier between them.
  __device__ Ranked<Key> first_of(Ranked<Key> mine) const {
    const int lane = threadIdx.x % kWarp;
    for (int step = kWarp / 2; step > 0; step /= 2)
      mine.take({__shfl_sync(kAllLanes, mine.key, lane ^ step), __shfl_sync(kAllLanes, mine.slot, lane ^ step)});
    if (threadIdx.x < kFront && lane == 0) bests[threadIdx.x / kWarp] = {mine.key, mine.slot};
    __syncthreads();
    for (int word = 0; word < kFrontWords; ++word) mine.take({bests[word].key, bests[word].slot});
    return mine;
  }
};

// The chosen boxes go to their slots.
template <typename T, typename Score>
__device__ void fill_front(const SoftPass<T, Score>& pass, const Front<T, Score>& front, const int64_t* chosen,
                           bool reselect, bool by_touch, int count) {
  const int own = threadIdx.x, threads = blockDim.x;
  for (int i = own; i < count; i += threads) front.rows[i] = pass.rows[chosen[i]];
  __syncthreads();
  for (int i = own; i < count; i += threads) {
    int slot = reselect ? 0 : i;
    if (reselect)
      for (int other = 0; other < count; ++other) slot += front.rows[other] < front.rows[i];
    front.positions[slot] = chosen[i];
    front.boxes[slot] = pass.boxes[chosen[i]];
    front.set_score(slot, pass.scores[chosen[i]], reselect);
    front.by[slot] = -1;
  }
  __syncthreads();
  for (int i = own; i < kFrontWords * kFront; i += threads) {
    const int slot = i % kFront, first = i / kFront * kWarp;
    uint32_t bits = 0;
    for (int b = 0; b < kWarp && slot < count && first + b < count; ++b)
      if (first + b != slot && (!by_touch || !surely_apart(front.boxes[slot].box, front.boxes[first + b].box)))
        bits |= 1u << b;
    front.meets[i] = bits;
  }
  __syncthreads();
}

// By all threads of the block: the greedy pass over the front's boxes, up to `limit` selections, while the best of them
// comes before `bound`. A thread writes the score of its own slot only.
template <typename T, typename Score>
__device__ int select_in_front(const SoftPass<T, Score>& pass, const Front<T, Score>& front,
                               const SoftRule<T, Score>& rule, bool reselect, const Best<KeyOf<Score>>& bound,
                               int count, int64_t limit) {
  using Key = KeyOf<Score>;
  const int own = threadIdx.x;
  bool open = own < count;
  int selections = 0;
  while (selections < limit) {
    front.write_bits(front.open, open);
    // A score that can rise may overtake others: then one selection at a time.
    const bool rises = reselect && open && bound_key(front.scores[own]) != front.keys[own];
    const bool one_by_one = __syncthreads_or(rises);
    const Ranked<Key> mine = open ? front.ranked(own) : Ranked<Key>{};
    bool blocked = false;  // by a better one that it meets
    if (open) front.each_met(own, front.open, [&](int slot) { return !(blocked = front.ranked(slot).before(mine)); });
    const Ranked<Key> first_blocked = front.first_of(blocked ? mine : Ranked<Key>{});
    const bool in_prefix = open && !blocked && mine.before(first_blocked);
    bool in_time = in_prefix;
    if (in_prefix && bound.position >= 0)
      in_time = mine.key < bound.key ||
                (mine.key == bound.key && pass.rows[front.positions[own]] <= pass.rows[bound.position]);
    bool chosen = in_time;
    int together = __syncthreads_count(chosen);
    if (one_by_one || together == 0) {  // at first all scores are as they are now, and the best box is here
      const Ranked<Key> best = front.first_of(in_prefix ? mine : Ranked<Key>{});
      chosen = in_prefix && own == best.slot && (in_time || selections == 0);
      together = __syncthreads_count(chosen);
      if (together == 0) return selections;
    }
    front.write_bits(front.chosen, chosen);
    __syncthreads();
    int place = selections;
    if (chosen)
      for (int word = 0; word < kFrontWords; ++word)
        for (uint32_t bits = front.chosen[word]; bits != 0; bits &= bits - 1)
          place += front.ranked(word * kWarp + __ffs(static_cast<int>(bits)) - 1).before(mine);
    if (together > limit - selections) {
      together = static_cast<int>(limit - selections);
      chosen = chosen && place < limit;
      __syncthreads();  // all have read the words
      front.write_bits(front.chosen, chosen);
      __syncthreads();
    }
    if (chosen) {
      open = false;
      front.by[own] = own;
      front.selected_at[place] = own;
    }
    for (Ranked<Key> last{Key(0), -1}; open;) {  // those that it meets, in their order
      Ranked<Key> next;
      front.each_met(own, front.chosen, [&](int slot) {
        if (last.before(front.ranked(slot))) next.take(front.ranked(slot));
        return true;
      });
      if (next.slot == kFront) break;
      const Score score = rule.after(front.scores[own], front.boxes[next.slot].box, front.boxes[own].box);
      front.set_score(own, score, reselect);
      last = next;
      if (!(score <= rule.floor)) continue;
      front.by[own] = next.slot;
      open = false;
    }
    selections += together;
  }
  return selections;
}

// What became of the front's boxes, and the selected ones side by side for the boxes outside.
template <typename T, typename Score>
__device__ void empty_front(const SoftPass<T, Score>& pass, const Front<T, Score>& front, int64_t start, int count,
                            int selections) {
  for (int slot = threadIdx.x; slot < count; slot += blockDim.x) {
    const int by = front.by[slot];
    pass.by[front.positions[slot]] = by < 0 ? kInFront : front.positions[by];
    pass.scores[front.positions[slot]] = front.scores[slot];
  }
  for (int i = threadIdx.x; i < selections; i += blockDim.x) {
    const int64_t slot = front.selected_at[i];
    front.selected[i] = front.boxes[slot];
    front.selected_at[i] = front.positions[slot];
    pass.list_selected(start, i, front.positions[slot]);
  }
  __syncthreads();
}

// The same of a block that helps.
template <typename T, typename Score>
__device__ void fetch_selected(const SoftPass<T, Score>& pass, const Front<T, Score>& front, int64_t start,
                               int selections) {
  for (int i = threadIdx.x; i < selections; i += blockDim.x) {
    const int64_t at = pass.selected(start, i);
    front.selected[i] = pass.boxes[at];
    front.selected_at[i] = at;
  }
  __syncthreads();
}

// The box at `p`, if it is open and outside, meets those that were selected. First only which can change it, as bits:
// the lanes of a warp would wait for each other at every division else.
template <typename T, typename Score>
__device__ void meet_selected(const SoftPass<T, Score>& pass, const Front<T, Score>& front,
                              const SoftRule<T, Score>& rule, bool by_touch, int64_t p, int selections) {
  const int64_t by = pass.by[p];
  if (by == kInFront) pass.by[p] = kOpen;
  if (by != kOpen) return;
  const Box<T> box = pass.boxes[p].box;
  Score score = pass.scores[p];
  bool out = false;
  for (int first = 0; first < selections && !out; first += kWarp) {
    const int some = selections - first < kWarp ? selections - first : kWarp;
    uint32_t meets = 0;
    for (int i = 0; i < some; ++i)
      if (!by_touch || !surely_apart(front.selected[first + i].box, box)) meets |= 1u << i;
    for (; meets != 0 && !out; meets &= meets - 1) {
      const int i = first + __ffs(static_cast<int>(meets)) - 1;
      score = rule.after(score, front.selected[i].box, box);
      out = score <= rule.floor;
      if (out) pass.by[p] = front.selected_at[i];
    }
  }
  pass.scores[p] = score;
}

}  // namespace ptdet::cuda

// The front of a round of soft-NMS: some of a group's boxes, the best of all among them, in shared memory. Scores only
// fall, so while the best of the front comes before what any other box was when the round began, it is the best of all:
// one warp makes the selections within the front, and the other boxes meet the whole list of selected ones afterwards,
// in its order. Each score goes through the same products in the same order as if all had met each selected box at
// once.
#pragma once

#include "math/threshold.h"
#include "cuda/soft_topk.h"

namespace ptdet::cuda {

constexpr int kSlots = kFront / kWarp;  // of a lane: slot % kWarp is the lane that looks after it
static_assert(kFront % kWarp == 0 && kSlots <= 8, "a byte has a bit for each of a lane's slots");

template <typename T, typename Score>
struct Front {              // shared by the block
  AlignedBox<T>* boxes;     // [slot]; of equal scores the lower slot is selected first
  Score* scores;            // [slot] as they are now
  int64_t* positions;       // [slot]
  int* by;                  // [slot] the slot that took it to min_score, itself if selected, else -1
  uint8_t* meets;           // [slot, lane] which of the lane's boxes the one at the slot can change, as bits
  AlignedBox<T>* selected;  // [i] the box of the i-th selection
  int64_t* selected_at;     // [i] its slot, then its position
  int64_t* rows;            // [i] of the chosen boxes by position
  int* selections;          // (1)
};

// The chosen boxes go to their slots.
template <typename T, typename Score>
__device__ void fill_front(const SoftPass<T, Score>& pass, const Front<T, Score>& front, const int64_t* chosen,
                           bool reselect, bool by_touch, int count) {
  const int own = threadIdx.x, threads = blockDim.x, lane = own % kWarp;
  for (int i = own; i < count; i += threads) front.rows[i] = pass.rows[chosen[i]];
  __syncthreads();
  for (int i = own; i < count; i += threads) {
    int slot = reselect ? 0 : i;
    if (reselect)
      for (int other = 0; other < count; ++other) slot += front.rows[other] < front.rows[i];
    front.positions[slot] = chosen[i];
    front.boxes[slot] = pass.boxes[chosen[i]];
    front.scores[slot] = pass.scores[chosen[i]];
    front.by[slot] = -1;
  }
  __syncthreads();
  for (int slot = own / kWarp; slot < count; slot += threads / kWarp) {
    uint32_t bits = 0;
    for (int s = 0, at = lane; at < count; ++s, at += kWarp)
      if (!by_touch || !surely_apart(front.boxes[slot].box, front.boxes[at].box)) bits |= 1u << s;
    front.meets[slot * kWarp + lane] = static_cast<uint8_t>(bits);
  }
  __syncthreads();
}

template <typename Key>
struct BestSlot {
  Key key = ~Key(0);  // none: no score has that key
  int slot = kFront;

  __device__ void take(Key other, int at) {
    const bool first = (other < key) | ((other == key) & (at < slot));
    key = first ? other : key;
    slot = first ? at : slot;
  }
};

template <typename T, typename Score>
__device__ BestSlot<KeyOf<Score>> best_of_lane(const Front<T, Score>& front, uint32_t open, bool reselect) {
  BestSlot<KeyOf<Score>> best;
  for (int s = 0, at = threadIdx.x; s < kSlots; ++s, at += kWarp)
    if (open >> s & 1) best.take(reselect ? score_key(front.scores[at]) : KeyOf<Score>(0), at);
  return best;
}

template <typename Key>
__device__ BestSlot<Key> best_in_warp(BestSlot<Key> best) {
  const int lane = threadIdx.x;
  for (int step = kWarp / 2; step > 0; step /= 2)
    best.take(__shfl_sync(kAllLanes, best.key, lane ^ step), __shfl_sync(kAllLanes, best.slot, lane ^ step));
  return best;
}

// By the first warp: the greedy pass over the front's boxes, up to `limit` selections, while the best of them comes
// before `bound`. A lane reads and writes the scores of its own slots only.
template <typename T, typename Score>
__device__ int select_in_front(const SoftPass<T, Score>& pass, const Front<T, Score>& front,
                               const SoftRule<T, Score>& rule, bool reselect, const Best<KeyOf<Score>>& bound,
                               int count, int64_t limit) {
  const int lane = threadIdx.x;
  uint32_t open = 0;
  for (int s = 0, at = lane; at < count; ++s, at += kWarp) open |= 1u << s;
  auto mine = best_of_lane(front, open, reselect);
  int selections = 0;
  for (; selections < limit; ++selections) {
    const auto best = best_in_warp(mine);
    const int slot = best.slot;
    if (slot == kFront) break;
    if (selections > 0 && bound.position >= 0) {  // at first all scores are as they are now, and the best box is here
      if (best.key > bound.key) break;
      if (best.key == bound.key && pass.rows[front.positions[slot]] > pass.rows[bound.position]) break;
    }
    const bool is_mine = slot % kWarp == lane;
    if (is_mine) {
      open &= ~(1u << (slot / kWarp));
      front.by[slot] = slot;
      front.selected_at[selections] = slot;
    }
    const Box<T> box = front.boxes[slot].box;
    uint32_t meets = open & front.meets[slot * kWarp + lane];
    const bool changes = is_mine || meets != 0;
    for (; meets != 0; meets &= meets - 1) {
      const int s = __ffs(static_cast<int>(meets)) - 1, at = s * kWarp + lane;
      const Score score = rule.after(front.scores[at], box, front.boxes[at].box);
      front.scores[at] = score;
      if (!(score <= rule.floor)) continue;
      front.by[at] = slot;
      open &= ~(1u << s);
    }
    if (changes) mine = best_of_lane(front, open, reselect);
  }
  return selections;
}

// What became of the front's boxes, and the selected ones side by side for the boxes outside.
template <typename T, typename Score>
__device__ void empty_front(const SoftPass<T, Score>& pass, const Front<T, Score>& front, int count, int selections) {
  for (int slot = threadIdx.x; slot < count; slot += blockDim.x) {
    const int by = front.by[slot];
    pass.by[front.positions[slot]] = by < 0 ? kInFront : front.positions[by];
    pass.scores[front.positions[slot]] = front.scores[slot];
  }
  for (int i = threadIdx.x; i < selections; i += blockDim.x) {
    const int64_t slot = front.selected_at[i];
    front.selected[i] = front.boxes[slot];
    front.selected_at[i] = front.positions[slot];
  }
  __syncthreads();
}

// The open boxes outside meet those that were selected. First only which can change them, as bits: the lanes of a warp
// would wait for each other at every division else.
template <typename T, typename Score>
__device__ void meet_selected(const SoftPass<T, Score>& pass, const Front<T, Score>& front,
                              const SoftRule<T, Score>& rule, bool by_touch, int64_t start, int64_t end,
                              int selections) {
  for (int64_t p = start + threadIdx.x; p < end; p += blockDim.x) {
    const int64_t by = pass.by[p];
    if (by == kInFront) pass.by[p] = kOpen;
    if (by != kOpen) continue;
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
}

}  // namespace ptdet::cuda

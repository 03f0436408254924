// The front of a round of soft-NMS: some of a group's boxes, the best of all among them, in shared memory. Scores only
// fall, so while the best of the front comes before what any other box was when the round began, it is the best of all:
// one warp makes the visits within the front, and the other boxes meet the whole list of visited ones afterwards, in
// its order. Each score goes through the same products in the same order as if all had met each visited box at once.
#pragma once

#include "math/apart.h"
#include "cuda/soft_topk.h"

namespace ptdet::cuda {

constexpr int kSlots = kFront / kWarp;  // of a lane: slot % kWarp is the lane that looks after it
static_assert(kFront % kWarp == 0 && kSlots <= 8, "a byte has a bit for each of a lane's slots");

template <typename T, typename Score>
struct Front {          // shared by the block
  WalkBox<T>* boxes;    // [slot]; of equal scores the lower slot is visited first
  Score* scores;        // [slot] as they are now
  int64_t* positions;   // [slot]
  int* by;              // [slot] the slot that took it to min_score, itself if visited, else -1
  uint8_t* meets;       // [slot, lane] which of the lane's boxes the one at the slot can change, as bits
  WalkBox<T>* visited;  // [i] the box of the i-th visit
  int64_t* visited_at;  // [i] its slot, then its position
  int64_t* rows;        // [i] of the chosen boxes by position
  int* visits;          // (1)
};

// The chosen boxes go to their slots.
template <typename T, typename Score>
__device__ void fill_front(const SoftWalk<T, Score>& walk, const Front<T, Score>& front, const int64_t* chosen,
                           bool reselect, bool by_touch, int count) {
  const int own = threadIdx.x, threads = blockDim.x, lane = own % kWarp;
  for (int i = own; i < count; i += threads) front.rows[i] = walk.rows[chosen[i]];
  __syncthreads();
  for (int i = own; i < count; i += threads) {
    int slot = reselect ? 0 : i;
    if (reselect)
      for (int other = 0; other < count; ++other) slot += front.rows[other] < front.rows[i];
    front.positions[slot] = chosen[i];
    front.boxes[slot] = walk.boxes[chosen[i]];
    front.scores[slot] = walk.scores[chosen[i]];
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

// By the first warp: the greedy walk over the front's boxes, up to `limit` visits, while the best of them comes before
// `bound`. A lane reads and writes the scores of its own slots only.
template <typename T, typename Score>
__device__ int visit_front(const SoftWalk<T, Score>& walk, const Front<T, Score>& front, const SoftRule<T, Score>& rule,
                           bool reselect, const Best<KeyOf<Score>>& bound, int count, int64_t limit) {
  const int lane = threadIdx.x;
  uint32_t open = 0;
  for (int s = 0, at = lane; at < count; ++s, at += kWarp) open |= 1u << s;
  auto mine = best_of_lane(front, open, reselect);
  int visits = 0;
  for (; visits < limit; ++visits) {
    const auto best = best_in_warp(mine);
    const int slot = best.slot;
    if (slot == kFront) break;
    if (visits > 0 && bound.position >= 0) {  // at first all scores are as they are now, and the best box is here
      if (best.key > bound.key) break;
      if (best.key == bound.key && walk.rows[front.positions[slot]] > walk.rows[bound.position]) break;
    }
    const bool is_mine = slot % kWarp == lane;
    if (is_mine) {
      open &= ~(1u << (slot / kWarp));
      front.by[slot] = slot;
      front.visited_at[visits] = slot;
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
  return visits;
}

// What became of the front's boxes, and the visited ones side by side for the boxes outside.
template <typename T, typename Score>
__device__ void empty_front(const SoftWalk<T, Score>& walk, const Front<T, Score>& front, int count, int visits) {
  for (int slot = threadIdx.x; slot < count; slot += blockDim.x) {
    const int by = front.by[slot];
    walk.by[front.positions[slot]] = by < 0 ? kInFront : front.positions[by];
    walk.scores[front.positions[slot]] = front.scores[slot];
  }
  for (int i = threadIdx.x; i < visits; i += blockDim.x) {
    const int64_t slot = front.visited_at[i];
    front.visited[i] = front.boxes[slot];
    front.visited_at[i] = front.positions[slot];
  }
  __syncthreads();
}

// The open boxes outside meet those that were visited. First only which can change them, as bits: the lanes of a warp
// would wait for each other at every division else.
template <typename T, typename Score>
__device__ void meet_visited(const SoftWalk<T, Score>& walk, const Front<T, Score>& front,
                             const SoftRule<T, Score>& rule, bool by_touch, int64_t start, int64_t end, int visits) {
  for (int64_t p = start + threadIdx.x; p < end; p += blockDim.x) {
    const int64_t by = walk.by[p];
    if (by == kInFront) walk.by[p] = kOpen;
    if (by != kOpen) continue;
    const Box<T> box = walk.boxes[p].box;
    Score score = walk.scores[p];
    bool out = false;
    for (int first = 0; first < visits && !out; first += kWarp) {
      const int some = visits - first < kWarp ? visits - first : kWarp;
      uint32_t meets = 0;
      for (int i = 0; i < some; ++i)
        if (!by_touch || !surely_apart(front.visited[first + i].box, box)) meets |= 1u << i;
      for (; meets != 0 && !out; meets &= meets - 1) {
        const int i = first + __ffs(static_cast<int>(meets)) - 1;
        score = rule.after(score, front.visited[i].box, box);
        out = score <= rule.floor;
        if (out) walk.by[p] = front.visited_at[i];
      }
    }
    walk.scores[p] = score;
  }
}

}  // namespace ptdet::cuda

// What soft-NMS knows of its boxes, and which of them is selected next.
#pragma once

#include "cuda/methods.h"
#include "cuda/shared_work.h"

namespace ptdet::cuda {

constexpr int64_t kOpen = -1;     // not selected, and above min_score
constexpr int64_t kOut = -2;      // no candidate, or at min_score from the start
constexpr int64_t kInFront = -3;  // open, and has met what its round selected

template <typename T, typename Score>
struct SoftPass {
  int64_t count;
  const int64_t* rows;   // [position]
  int64_t* by;           // [position] the one that took it to min_score, itself if selected, or one of the above
  Score* scores;         // [position] as they are now
  AlignedBox<T>* boxes;  // [position]
  SharedWork work;
  int64_t* place;  // [row of a selected box] its place in the result; first, what a round selected
  size_t bytes;

  SoftPass(void* base, int64_t n) : SoftPass(Layout(base), n) {}

  // Where the i-th box is that the round of the segment at `start` selected; no more than its boxes.
  __device__ int64_t selected(int64_t start, int i) const { return place[start + i]; }
  __device__ void list_selected(int64_t start, int i, int64_t position) const { place[start + i] = position; }

 private:
  SoftPass(Layout layout, int64_t n)
      : count(n),
        rows(nullptr),
        by(layout.take<int64_t>(n)),
        scores(layout.take<Score>(n)),
        boxes(layout.take<AlignedBox<T>>(n)),
        work(layout, n),
        place(layout.take<int64_t>(n)),
        bytes(layout.size()) {}
};

// f(position, score) for the open ones among this thread's share of the positions.
template <typename T, typename Score, typename F>
__device__ void each_open(const SoftPass<T, Score>& pass, int64_t start, int64_t end, F&& f) {
  for (int64_t p = start + threadIdx.x; p < end; p += blockDim.x) {
    const Score score = pass.scores[p];
    if (pass.by[p] == kOpen) f(p, score);
  }
}

// The best of some boxes: the lowest key, then the lowest row, or the lowest position where `rows` is null.
template <typename Key>
struct Best {
  Key key;
  int64_t position;  // -1: none

  __device__ void take(const Best& other, const int64_t* rows) {
    if (other.position < 0) return;
    if (position < 0 || other.key < key || (other.key == key && other.before(*this, rows))) *this = other;
  }
  __device__ bool before(const Best& other, const int64_t* rows) const {
    return rows == nullptr ? position < other.position : rows[position] < rows[other.position];
  }
};

}  // namespace ptdet::cuda

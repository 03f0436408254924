// The index of selected boxes, so that a candidate is compared only with those it could overlap. Boxes lie in chunks of
// one cache-line-wide vector a coordinate; a bucket is a chain of chunks in score order. The dense path is the
// index of one bucket.
//
// The bound behind it: IoU > t needs, on each axis, an overlap above t max(w, W). So the candidate's centre lies
// within reach = max(1 - t, (1/t - 1) / 2) * W of the selected box's centre (W its width, or w the candidate's: the
// bound holds with either; heights likewise), and their longer sides are within a factor 1/t. GIoU, DIoU and CIoU
// never exceed IoU (but for rounding, see prefilter.h). A selected box is entered in every cell its reach touches, at
// most 2 x 2 of its own level; a candidate looks into the one cell of its centre, on the levels its size allows.
// Cells share buckets when they outnumber them: that costs tests, never answers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "math/box.h"
#include "math/order.h"
#include "api/api.h"

namespace ptdet::cpu {

template <typename T>
struct alignas(64) Chunk {
  static constexpr int kLanes = 64 / sizeof(T);
  static constexpr uint32_t kCapacity = sizeof(T) == 4 ? 13 : 8;  // of 16 or 8 lanes: a chunk is six cache lines
  T x1[kLanes], y1[kLanes], x2[kLanes], y2[kLanes];
  T limit[kLanes];  // the selected box's part of the filter's bound
  uint32_t position[kCapacity];
  uint32_t count;
  Chunk* next;
};

template <typename T>
struct Bucket {
  Chunk<T>* head;
  Chunk<T>* tail;
};

// Hands out chunks from slabs that double, so that small inputs stay small; `reset` takes all of them back.
template <typename T>
class ChunkPool {
 public:
  explicit ChunkPool(const Host& host) : host_(host) {}

  Chunk<T>* take() {
    if (next_ == end_) next_slab();
    Chunk<T>* chunk = next_++;
    chunk->count = 0;
    chunk->next = nullptr;
    return chunk;
  }

  void reset() {
    slab_ = nullptr;
    next_ = end_ = nullptr;
  }

 private:
  // A slab's first chunk is its header: `count` says how many follow, `next` which slab comes then.
  void next_slab() {
    Chunk<T>*& link = slab_ ? slab_->next : first_;
    if (!link) {
      link = static_cast<Chunk<T>*>(host_.allocate(host_.context, (size_ + 1) * sizeof(Chunk<T>)));
      link->count = size_;
      link->next = nullptr;
      if (size_ < 4096) size_ *= 4;
    }
    slab_ = link;
    next_ = slab_ + 1;
    end_ = next_ + slab_->count;
  }

  const Host& host_;
  Chunk<T>* first_ = nullptr;
  Chunk<T>* slab_ = nullptr;
  Chunk<T>* next_ = nullptr;
  Chunk<T>* end_ = nullptr;
  uint32_t size_ = 8;
};

// A level holds the selected boxes whose scaled longer side has this binary exponent, halved: sizes within a factor 4.
struct Level {
  double cells_per_unit;
  uint64_t first;
  uint64_t columns;
};

PTDET_HD int level_of(double side) { return static_cast<int>(bits_of<uint64_t>(side) >> 53); }

struct Grid {
  static constexpr int kLevels = 1024;  // all exponents of a double, halved
  Level* levels = nullptr;              // [kLevels], only [lowest, highest] is filled
  int lowest, highest;
  double scale;          // of sizes, so that the largest box stands at the top of its level
  uint64_t bucket_mask;  // below 2^32
  double min_x, min_y;
  double reach;            // in widths of the selected box, margin included
  double smaller, larger;  // `scale` times the bounds of the ratio of sizes
};

}  // namespace ptdet::cpu

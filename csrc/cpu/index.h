// Where the visited boxes stand, so that a candidate meets only those it could overlap. Boxes lie in chunks of
// one cache-line-wide vector a coordinate; a bucket is a chain of chunks in visiting order. The dense path is the
// index of one bucket.
//
// The bound behind it: IoU > t needs, on each axis, an overlap above t max(w, W). So the candidate's centre lies
// within reach = max(1 - t, (1/t - 1) / 2) * W of the visited box's centre (W its width; heights likewise), and
// their longer sides are within a factor 1/t. GIoU, DIoU and CIoU never exceed IoU (but for rounding, see
// filter.h). A visited box is entered in every cell its reach touches, at most 2 x 2 of its own level; a candidate
// looks into the one cell of its centre, on the levels its size allows. Cells share buckets when they outnumber
// them: that costs tests, never answers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/box.h"
#include "core/order.h"
#include "kernels.h"

namespace ptdet::cpu {

template <typename T>
struct alignas(64) Chunk {
  static constexpr int kLanes = 64 / sizeof(T);
  static constexpr uint32_t kCapacity = sizeof(T) == 4 ? 13 : 8;  // of 16 or 8 lanes: a chunk is six cache lines
  T x1[kLanes], y1[kLanes], x2[kLanes], y2[kLanes];
  T limit[kLanes];  // the visited box's part of the filter's bound
  uint32_t position[kCapacity];
  uint32_t count;
  Chunk* next;
};

template <typename T>
struct Bucket {
  Chunk<T>* head;
  Chunk<T>* tail;
};

// Hands out chunks from slabs that double, so that small inputs stay small.
template <typename T>
class ChunkPool {
 public:
  explicit ChunkPool(const Host& host) : host_(host) {}

  Chunk<T>* take() {
    if (next_ == end_) {
      next_ = static_cast<Chunk<T>*>(host_.allocate(host_.context, slab_ * sizeof(Chunk<T>)));
      end_ = next_ + slab_;
      if (slab_ < 4096) slab_ *= 4;
    }
    Chunk<T>* chunk = next_++;
    chunk->count = 0;
    chunk->next = nullptr;
    return chunk;
  }

 private:
  const Host& host_;
  Chunk<T>* next_ = nullptr;
  Chunk<T>* end_ = nullptr;
  size_t slab_ = 8;
};

// A level holds the visited boxes whose longer side has this binary exponent, halved: sizes within a factor 4.
struct Level {
  double cells_per_unit;
  uint64_t first;
  uint64_t columns;
};

PTDET_HD int level_of(double side) { return static_cast<int>(bits_of<uint64_t>(side) >> 53); }

struct Grid {
  static constexpr int kLevels = 1024;  // all exponents of a double, halved
  Level* levels;                        // [kLevels], only [lowest, highest] is filled
  int lowest, highest;
  uint64_t bucket_mask;  // below 2^32
  double min_x, min_y;
  double reach;      // in widths of the visited box, margin included
  double threshold;  // the IoU that a suppression cannot do without
  double inverse_threshold;
};

}  // namespace ptdet::cpu

// Which boxes can have an IoU of t at all, by where they lie. Along each axis a box has a side and a centre. The hull H
// and the intersection I of two sides have I >= t H; I is no longer than either, and the centres are at most
// (H - I) / 2 apart. So
//   the sides are within a factor of t of each other, and
//   the centres no further apart than (1 / t - 1) / 2 times the shorter side.
// The level of a side is the power of two below it. A cell of level l is 2^(l + 1) wide, and a box lies in one cell, by
// its centre and its level along each axis. Cells share buckets: that costs tests, never answers.
#pragma once

#include <cmath>
#include <cstring>

#include "math/box.h"
#include "cuda/launch.h"

namespace ptdet::cuda {

struct Reach {
  double least;    // of two sides, the shorter over the longer
  double centres;  // how far they may be apart, in shorter sides

  // A smaller IoU would let a box look into more cells of an axis than a warp has lanes.
  static constexpr double kLeastIou = 0.25;

  // No IoU is above 1. 1e-5 covers the rounding of an IoU (cpu/prefilter.h), 2e-6 that of a centre.
  static Reach of(double iou_threshold) {
    const double share = (iou_threshold < 1 ? iou_threshold : 1) * (1 - 1e-5);
    return {share * (1 - 1e-6), (1 / share - 1) / 2 + 2e-6};
  }
};

namespace {

// 2^exponent, and the exponent of a positive number, of those that have full precision.
__device__ inline double power_of_two(int exponent) {
  const int64_t bits = static_cast<int64_t>(exponent + 1023) << 52;
  double power;
  std::memcpy(&power, &bits, sizeof(power));
  return power;
}
__device__ inline int level_of(double length) {
  int64_t bits;
  std::memcpy(&bits, &length, sizeof(bits));
  return static_cast<int>(bits >> 52) - 1023;
}

struct Side {
  double centre, length;

  __device__ static Side between(double low, double high) { return {(low + high) / 2, high - low}; }

  // Is it neither so long or short nor so far away that the rounding of a centre would show?
  __device__ bool is_ordinary() const {
    const double far = length * 1073741824.0;  // 2^30
    return length >= 0x1p-60 && length <= 0x1p60 && centre <= far && centre >= -far;
  }
};

__device__ inline int cell_of(double centre, int level) {
  return static_cast<int>(std::floor(centre * power_of_two(-level - 1)));
}

__device__ inline uint32_t mixed(uint32_t x) {
  x = (x ^ x >> 16) * 0x7feb352du;
  x = (x ^ x >> 15) * 0x846ca68bu;
  return x ^ x >> 16;
}
__device__ inline uint32_t axis_hash(int level, int cell) {
  return mixed(static_cast<uint32_t>(cell) + static_cast<uint32_t>(level) * 0x9e3779b9u);
}
__device__ inline uint32_t bucket_of(uint32_t across, uint32_t down) { return mixed(across + down * 0x9e3779b1u); }

struct Place {
  Side across, down;

  template <typename T>
  __device__ static Place of(const Box<T>& box) {
    return {Side::between(box.x1, box.x2), Side::between(box.y1, box.y2)};
  }
  __device__ bool is_ordinary() const { return across.is_ordinary() && down.is_ordinary(); }

  __device__ uint32_t bucket() const {
    const int x = level_of(across.length), y = level_of(down.length);
    return bucket_of(axis_hash(x, cell_of(across.centre, x)), axis_hash(y, cell_of(down.centre, y)));
  }
};

// The cells of one axis in which a box within reach can lie: at most 22. Each lane of a warp has the hash of one.
struct NearCells {
  uint32_t hash;
  int count;

  __device__ static NearCells of(const Side& own, const Reach& reach, int lane) {
    NearCells near{0, 0};
    const int last = level_of(own.length / reach.least);
    for (int level = level_of(own.length * reach.least); level <= last; ++level) {
      const double longest = power_of_two(level + 1);
      const double apart = reach.centres * (own.length < longest ? own.length : longest);
      const int from = cell_of(own.centre - apart, level), to = cell_of(own.centre + apart, level);
      const int cell = from + lane - near.count;
      if (cell >= from && cell <= to) near.hash = axis_hash(level, cell);
      near.count += to - from + 1;
    }
    return near;
  }
};

}  // namespace
}  // namespace ptdet::cuda

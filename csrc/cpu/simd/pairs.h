// Blocks of pairs of boxes: the loops that pairs.inc has once per instruction set. Rows of boxes are x1, y1, x2, y2,
// contiguous, in the type T that is computed in.
#pragma once

#include "api/api.h"

namespace ptdet::cpu {

// `count` pairs, box by box.
template <typename T>
struct PairBlock {
  const T* a;
  const T* b;
  int64_t count;
  LossParams params;
  T* value;
  T* slopes_a;  // count rows of 4; null: not wanted
  T* slopes_b;
};

// The boxes of one tile of a matrix of pairs.
template <typename T>
struct PairTile {
  static constexpr int64_t kRows = 64, kColumns = 1024;
  const T* a;  // at most kRows
  int64_t rows;
  const T* b;  // at most kColumns
  int64_t columns;
  OverlapParams params;
};

// The gradient of what came out of a tile.
template <typename T>
struct TileGradient {
  const T* data;
  int64_t row_stride;
  bool one_a_row;  // all columns share the first number
};

template <typename T>
struct PairLoops {
  void (*each)(const PairBlock<T>&);
  void (*tile)(const PairTile<T>&, T* out, int64_t row_stride);
  // Add to slopes_a (rows of 4), or to slopes_b (4 runs of kColumns).
  void (*tile_slopes_a)(const PairTile<T>&, const TileGradient<T>&, T* slopes_a);
  void (*tile_slopes_b)(const PairTile<T>&, const TileGradient<T>&, T* slopes_b);
  // slopes times the number of their row, for `rows` rows of 4; gradient_stride 0: one number for all.
  void (*scale)(const T* gradient, int64_t gradient_stride, const T* slopes, int64_t rows, T* out);
};

struct PairTable {
  PairLoops<float> of_float;
  PairLoops<double> of_double;
};

}  // namespace ptdet::cpu

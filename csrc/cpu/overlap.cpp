// Overlaps of all pairs of two sets, tile by tile: nothing is stored but the result.
#include <algorithm>

#include "math/overlap_grad.h"
#include "cpu/simd/simd_table.h"
#include "cpu/parallel.h"
#include "cpu/typed_io.h"

namespace ptdet::cpu {
namespace {

constexpr int64_t tiles_of(int64_t count, int64_t size) { return (count + size - 1) / size; }

// The boxes of one tile, copied to `room` where they do not lie ready.
template <typename T>
struct TileRoom {
  T a[4 * PairTile<T>::kRows], b[4 * PairTile<T>::kColumns];

  PairTile<T> tile(const PairwiseInput& input, int64_t batch, int64_t row, int64_t column) {
    const int64_t rows = std::min(PairTile<T>::kRows, input.rows - row);
    const int64_t columns = std::min(PairTile<T>::kColumns, input.columns - column);
    return {rows_of(input.a, batch * input.a_batch_stride, row, rows, a), rows,
            rows_of(input.b, batch * input.b_batch_stride, column, columns, b), columns, input.params};
  }
};

template <typename T>
void store_narrowed(const PairTile<T>& tile, float* out, int64_t row_stride) {
  constexpr int64_t kAtOnce = 8, kColumns = PairTile<T>::kColumns;
  T values[kAtOnce * kColumns];
  for (int64_t r = 0; r < tile.rows; r += kAtOnce) {
    const int64_t rows = std::min(kAtOnce, tile.rows - r);
    pair_loops<T>().tile({tile.a + 4 * r, rows, tile.b, tile.columns, tile.params}, values, kColumns);
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t k = 0; k < tile.columns; ++k)
        out[(r + i) * row_stride + k] = static_cast<float>(values[i * kColumns + k]);
  }
}

template <typename T>
void run(const PairwiseInput& input, void* out, const Host& host) {
  using Tile = PairTile<T>;
  const int64_t down = tiles_of(input.rows, Tile::kRows), across = tiles_of(input.columns, Tile::kColumns);
  const bool narrowed = sizeof(T) == 8 && !stored_wide(input.a.type, input.b.type);
  const int64_t pairs = input.batch * input.rows * input.columns;
  const int64_t tiles = input.batch * down * across;
  const int64_t parts = std::min(tiles, parts_for(host, pairs));
  parallel_ranges(host, tiles, parts, [&](int64_t begin, int64_t end) {
    TileRoom<T> room;
    for (int64_t i = begin; i < end; ++i) {
      const int64_t batch = i / (down * across), row = i / across % down * Tile::kRows;
      const int64_t column = i % across * Tile::kColumns;
      const Tile tile = room.tile(input, batch, row, column);
      const int64_t first = (batch * input.rows + row) * input.columns + column;
      if (!narrowed) {
        pair_loops<T>().tile(tile, static_cast<T*>(out) + first, input.columns);
        continue;
      }
      store_narrowed(tile, static_cast<float*>(out) + first, input.columns);
    }
  });
}

template <typename T>
TileGradient<T> gradient_of(const PairwiseGradient& gradient, int64_t batch, int64_t row, int64_t column) {
  const T* data = static_cast<const T*>(gradient.data) + batch * gradient.batch_stride + row * gradient.row_stride;
  return {gradient.one_a_row ? data : data + column, gradient.row_stride, gradient.one_a_row};
}

// Each task owns rows of a and meets all of b, in order: so the sums do not depend on the threads.
template <typename T>
void slopes_of_a(const PairwiseInput& input, const PairwiseGradient& gradient, T* slopes, const Host& host) {
  using Tile = PairTile<T>;
  const int64_t down = tiles_of(input.rows, Tile::kRows);
  parallel_for(host, input.batch * down, [&](int64_t task) {
    TileRoom<T> room;
    const int64_t batch = task / down, row = task % down * Tile::kRows;
    const int64_t rows = std::min(Tile::kRows, input.rows - row);
    T sums[4 * Tile::kRows] = {};
    for (int64_t column = 0; column < input.columns; column += Tile::kColumns)
      pair_loops<T>().tile_slopes_a(room.tile(input, batch, row, column), gradient_of<T>(gradient, batch, row, column),
                                    sums);
    T* out = slopes + 4 * (batch * input.rows + row);
    for (int64_t k = 0; k < 4 * rows; ++k) out[k] = bounded(sums[k]);
  });
}

template <typename T>
void slopes_of_b(const PairwiseInput& input, const PairwiseGradient& gradient, T* slopes, const Host& host) {
  using Tile = PairTile<T>;
  const int64_t across = tiles_of(input.columns, Tile::kColumns);
  parallel_for(host, input.batch * across, [&](int64_t task) {
    TileRoom<T> room;
    const int64_t batch = task / across, column = task % across * Tile::kColumns;
    const int64_t columns = std::min(Tile::kColumns, input.columns - column);
    T sums[4 * Tile::kColumns] = {};
    for (int64_t row = 0; row < input.rows; row += Tile::kRows)
      pair_loops<T>().tile_slopes_b(room.tile(input, batch, row, column), gradient_of<T>(gradient, batch, row, column),
                                    sums);
    T* out = slopes + 4 * (batch * input.columns + column);
    for (int64_t i = 0; i < columns; ++i)
      for (int64_t k = 0; k < 4; ++k) out[4 * i + k] = bounded(sums[k * Tile::kColumns + i]);
  });
}

template <typename T>
void run_backward(const PairwiseInput& input, const PairwiseGradient& gradient, void* slopes_a, void* slopes_b,
                  const Host& host) {
  if (slopes_a) slopes_of_a(input, gradient, static_cast<T*>(slopes_a), host);
  if (slopes_b) slopes_of_b(input, gradient, static_cast<T*>(slopes_b), host);
}

}  // namespace

void pairwise_overlap(const PairwiseInput& input, void* out, const Host& host) {
  if (input.batch * input.rows * input.columns == 0) return;
  with_computed(computed_type(input.a.type, input.b.type), [&](auto box) { run<decltype(box)>(input, out, host); });
}

void pairwise_overlap_backward(const PairwiseInput& input, const PairwiseGradient& gradient, void* slopes_a,
                               void* slopes_b, const Host& host) {
  with_computed(computed_type(input.a.type, input.b.type),
                [&](auto box) { run_backward<decltype(box)>(input, gradient, slopes_a, slopes_b, host); });
}

}  // namespace ptdet::cpu

// Overlaps of rotated boxes. Of all pairs of two sets: a block takes kRows rows by kColumns columns, whose boxes it
// turns once, in shared memory. Pairs whose enclosing boxes are apart are 0; the others wait until there is one for
// each lane of a warp, so that few lanes are idle while the exact overlap is computed. Box by box: a pair a thread.
#include <cfloat>

#include "math/rotated_box_grad.h"
#include "cuda/rotated_shapes.h"
#include "api/dispatch.h"

namespace ptdet::cuda {
namespace {

constexpr int kRows = 32;      // of a block
constexpr int kColumns = 128;  // of a block, one a thread

struct Tiling {
  int64_t rows, columns, down, across;

  explicit Tiling(const PairwiseInput& input)
      : rows(input.rows),
        columns(input.columns),
        down(blocks_for(input.rows, kRows)),
        across(blocks_for(input.columns, kColumns)) {}
};

template <typename Measure, typename Stored>
__global__ void __launch_bounds__(kColumns, 4)
    overlap_rotated_tiles(BoxColumn a, BoxColumn b, int64_t a_batch_stride, int64_t b_batch_stride, Tiling tiling,
                          Stored* out) {
  SHARED_ARRAY(AlignedRotatedBox, row_boxes, kRows);
  SHARED_ARRAY(AlignedRotatedBox, column_boxes, kColumns);
  SHARED_ARRAY(AlignedBox<float>, rows_around, kRows);
  SHARED_ARRAY(uint16_t, waiting, 2 * kColumns);  // pairs, of each warp in turn: row * kColumns + column
  const int own = threadIdx.x, lane = own % kWarp;
  const int64_t tile = blockIdx.x, batch = tile / (tiling.down * tiling.across);
  const int64_t first_row = tile / tiling.across % tiling.down * kRows, first_column = tile % tiling.across * kColumns;
  const int rows = static_cast<int>(tiling.rows - first_row < kRows ? tiling.rows - first_row : kRows);
  const bool present = first_column + own < tiling.columns;
  if (own < rows) {
    row_boxes[own].box = load_rotated(a, first_row + own, batch * a_batch_stride);
    rows_around[own].box = around(row_boxes[own].box);
  }
  Box<float> column_around{};
  if (present) {
    column_boxes[own].box = load_rotated(b, first_column + own, batch * b_batch_stride);
    column_around = around(column_boxes[own].box);
  }
  __syncthreads();

  Stored* const corner = out + (batch * tiling.rows + first_row) * tiling.columns + first_column;
  uint16_t* const mine = waiting + (own - lane) * 2;
  const auto compute = [&](unsigned pair) {
    const int row = static_cast<int>(pair / kColumns), column = static_cast<int>(pair % kColumns);
    const double value = Measure::between(row_boxes[row].box, column_boxes[column].box);
    corner[row * tiling.columns + column] = static_cast<Stored>(finite_or_zero(value));
  };
  int count = 0;
  PTDET_ROLLED
  for (int row = 0; row < rows; ++row) {
    const bool close = present && !(Measure::kOfAreas && surely_apart(rows_around[row].box, column_around));
    if (present && !close) corner[row * tiling.columns + own] = Stored(0);
    const uint32_t lanes = __ballot_sync(kAllLanes, close);
    if (close) mine[count + __popc(lanes & ((1u << lane) - 1))] = static_cast<uint16_t>(row * kColumns + own);
    count += __popc(lanes);
    const bool last = row == rows - 1;
    __syncwarp(kAllLanes);
    while (count >= kWarp || (last && count > 0)) {
      const int from = count > kWarp ? count - kWarp : 0;
      if (from + lane < count) compute(mine[from + lane]);
      count = from;
      __syncwarp(kAllLanes);  // all have read their pairs
    }
  }
}

template <typename Measure>
__global__ void __launch_bounds__(kBlock, 2) overlap_rotated_pairs(RotatedPairs pairs, bool wide, void* out) {
  const int64_t i = thread_in_grid();
  if (i >= pairs.count) return;
  const double value = finite_or_zero(Measure::between(load_rotated(pairs.a, i), load_rotated(pairs.b, i)));
  if (wide)
    static_cast<double*>(out)[i] = value;
  else
    static_cast<float*>(out)[i] = static_cast<float>(value);
}

// Within the range of Stored.
template <typename Stored>
__device__ Stored narrowed_slope(double slope) {
  constexpr double kMost = sizeof(Stored) == 8 ? DBL_MAX : FLT_MAX;
  return static_cast<Stored>(slope < -kMost ? -kMost : slope > kMost ? kMost : slope);
}

template <typename Stored>
__device__ void store_slopes(const RotatedSlopes<double>& slopes, Stored* rows, int64_t row) {
  Stored* const at = rows + 5 * row;
  at[0] = narrowed_slope<Stored>(slopes.cx);
  at[1] = narrowed_slope<Stored>(slopes.cy);
  at[2] = narrowed_slope<Stored>(slopes.w);
  at[3] = narrowed_slope<Stored>(slopes.h);
  at[4] = narrowed_slope<Stored>(slopes.angle);
}

// kOfB: those by b are wanted, too. What encloses two boxes takes the registers of two blocks.
template <bool kOfB, typename Measure, typename Stored>
__global__ void __launch_bounds__(kBlock, Measure::kOfAreas ? 2 : 1)
    slopes_of_rotated_pairs(RotatedPairs pairs, const Stored* gradient, int64_t gradient_stride, Stored* slopes_a,
                            Stored* slopes_b) {
  const int64_t i = thread_in_grid();
  if (i >= pairs.count) return;
  const double weight = static_cast<double>(gradient[i * gradient_stride]);
  RotatedSlopes<double> by_a, by_b;
  overlap_slopes<kOfB>(Measure{}, load_rotated(pairs.a, i), load_rotated(pairs.b, i), weight, by_a, by_b);
  if (slopes_a != nullptr) store_slopes(by_a, slopes_a, i);
  if constexpr (kOfB) store_slopes(by_b, slopes_b, i);
}

template <typename Stored>
void run(const PairwiseInput& input, Stored* out, void* stream) {
  const Tiling tiling(input);
  with_rotated_metric(input.params.metric, [&](auto measure) {
    const auto kernel = overlap_rotated_tiles<decltype(measure), Stored>;
    LAUNCH(kernel, input.batch * tiling.down * tiling.across, kColumns, stream, input.a, input.b, input.a_batch_stride,
           input.b_batch_stride, tiling, out);
  });
}

template <typename Stored>
void run_backward(const RotatedPairs& input, const Stored* gradient, int64_t gradient_stride, Stored* slopes_a,
                  Stored* slopes_b, void* stream) {
  with_rotated_metric(input.metric, [&](auto measure) {
    using Measure = decltype(measure);
    const auto kernel = slopes_b != nullptr ? slopes_of_rotated_pairs<true, Measure, Stored>
                                            : slopes_of_rotated_pairs<false, Measure, Stored>;
    LAUNCH(kernel, blocks_for(input.count, kBlock), kBlock, stream, input, gradient, gradient_stride, slopes_a,
           slopes_b);
  });
}

}  // namespace

void rotated_pairwise_overlap(const PairwiseInput& input, void* out, void* stream) {
  if (input.batch * input.rows * input.columns == 0) return;
  if (stored_wide(input.a.type, input.b.type))
    run(input, static_cast<double*>(out), stream);
  else
    run(input, static_cast<float*>(out), stream);
}

void rotated_overlap(const RotatedPairs& input, void* out, void* stream) {
  if (input.count == 0) return;
  const bool wide = stored_wide(input.a.type, input.b.type);
  with_rotated_metric(input.metric, [&](auto measure) {
    const auto kernel = overlap_rotated_pairs<decltype(measure)>;
    LAUNCH(kernel, blocks_for(input.count, kBlock), kBlock, stream, input, wide, out);
  });
}

void rotated_overlap_backward(const RotatedPairs& input, const void* gradient, int64_t gradient_stride, void* slopes_a,
                              void* slopes_b, void* stream) {
  if (input.count == 0) return;
  const auto with = [&](auto number) {
    using Stored = decltype(number);
    run_backward(input, static_cast<const Stored*>(gradient), gradient_stride, static_cast<Stored*>(slopes_a),
                 static_cast<Stored*>(slopes_b), stream);
  };
  stored_wide(input.a.type, input.b.type) ? with(double{}) : with(float{});
}

}  // namespace ptdet::cuda

// Overlaps of all pairs of two sets. A block takes kRows rows by kColumns columns: each thread keeps its column's box
// in registers, the rows' boxes lie in shared memory, and a warp stores neighbours.
#include "cuda/pairs.h"

namespace ptdet::cuda {
namespace {

constexpr int kRows = 32;      // of a block
constexpr int kAtOnce = 4;     // columns of a thread: four floats are one store of 16 bytes
constexpr int kThreads = 128;  // of a block

template <typename T>
struct Extent {
  int64_t rows, columns, a_batch_stride, b_batch_stride, down, across;

  explicit Extent(const PairwiseInput& input)
      : rows(input.rows),
        columns(input.columns),
        a_batch_stride(input.a_batch_stride),
        b_batch_stride(input.b_batch_stride),
        down(blocks_for(input.rows, kRows)),
        across(blocks_for(input.columns, kThreads * kAtOnce)) {}
};

template <typename Measure, typename T>
__device__ T overlap_of(const Sided<T>& a, const Sided<T>& b, const Epsilon<T>& eps) {
  Slopes<T> s;
  return graded_measure(Measure{}, pair_of(a, b), eps, s).value;
}

template <typename Measure, typename T, typename Stored>
__global__ void overlap_tiles(Boxes<T> a, Boxes<T> b, Extent<T> extent, OverlapParams params, bool whole, Stored* out) {
  SHARED_ARRAY(Sided<T>, rows_sided, kRows);
  const int64_t tile = blockIdx.x;
  const int64_t batch = tile / (extent.down * extent.across);
  const int64_t first_row = tile / extent.across % extent.down * kRows;
  const int64_t rows = extent.rows - first_row < kRows ? extent.rows - first_row : kRows;
  if (static_cast<int64_t>(threadIdx.x) < rows)
    rows_sided[threadIdx.x] = sided(a.at(batch * extent.a_batch_stride, first_row + threadIdx.x));
  __syncthreads();

  const int64_t column = (tile % extent.across * kThreads + threadIdx.x) * kAtOnce;
  if (column >= extent.columns) return;
  const int here = extent.columns - column < kAtOnce ? static_cast<int>(extent.columns - column) : kAtOnce;
  const Epsilon<T> eps = epsilon_of<T>(params);
  const int64_t b_offset = batch * extent.b_batch_stride;
  const Sided<T> b0 = sided(b.at(b_offset, column));
  const Sided<T> b1 = here > 1 ? sided(b.at(b_offset, column + 1)) : b0;
  const Sided<T> b2 = here > 2 ? sided(b.at(b_offset, column + 2)) : b0;
  const Sided<T> b3 = here > 3 ? sided(b.at(b_offset, column + 3)) : b0;
  for (int64_t r = 0; r < rows; ++r) {
    const Sided<T> own = rows_sided[r];
    const Four<Stored> four = {
        static_cast<Stored>(overlap_of<Measure>(own, b0, eps)), static_cast<Stored>(overlap_of<Measure>(own, b1, eps)),
        static_cast<Stored>(overlap_of<Measure>(own, b2, eps)), static_cast<Stored>(overlap_of<Measure>(own, b3, eps))};
    Stored* at = out + (batch * extent.rows + first_row + r) * extent.columns + column;
    if (whole) {
      *reinterpret_cast<Four<Stored>*>(at) = four;
      continue;
    }
    at[0] = four.x;
    if (here > 1) at[1] = four.y;
    if (here > 2) at[2] = four.z;
    if (here > 3) at[3] = four.w;
  }
}

// One thread sums for one box, over the others in their order: so the sums are the same on every run. The threads of
// a block read the others' boxes together.
template <bool kOfA, typename Measure, typename T>
__global__ void sum_slopes(Boxes<T> own, Boxes<T> other, int64_t own_count, int64_t other_count, int64_t own_stride,
                           int64_t other_stride, OverlapParams params, PairwiseGradient gradient, T* slopes) {
  SHARED_ARRAY(Sided<T>, others, kThreads);
  const int64_t blocks = (own_count + kThreads - 1) / kThreads;
  const int64_t batch = blockIdx.x / blocks, row = blockIdx.x % blocks * kThreads + threadIdx.x;
  const bool present = row < own_count;
  const Sided<T> mine = sided(own.at(batch * own_stride, present ? row : 0));
  const T* const grad = static_cast<const T*>(gradient.data) + batch * gradient.batch_stride;
  const Epsilon<T> eps = epsilon_of<T>(params);
  Box<T> sum{T(0), T(0), T(0), T(0)};
  for (int64_t first = 0; first < other_count; first += kThreads) {
    const int64_t here = other_count - first < kThreads ? other_count - first : kThreads;
    __syncthreads();
    if (static_cast<int64_t>(threadIdx.x) < here)
      others[threadIdx.x] = sided(other.at(batch * other_stride, first + threadIdx.x));
    __syncthreads();
    for (int64_t k = 0; present && k < here; ++k) {
      const Pair<T> p = kOfA ? pair_of(mine, others[k]) : pair_of(others[k], mine);
      const int64_t i = kOfA ? row : first + k, j = kOfA ? first + k : row;
      const T g = grad[i * gradient.row_stride + (gradient.one_a_row ? 0 : j)];
      Slopes<T> s;
      const T factor = graded_measure(Measure{}, p, eps, s, g).factor;
      const Box<T> by = times(factor, kOfA ? by_box_a(p, s) : by_box_b(p, s));
      sum = {sum.x1 + by.x1, sum.y1 + by.y1, sum.x2 + by.x2, sum.y2 + by.y2};
    }
  }
  if (present)
    store(Box<T>{bounded(sum.x1), bounded(sum.y1), bounded(sum.x2), bounded(sum.y2)}, slopes, batch * own_count + row);
}

template <typename T, typename Stored>
void run(const PairwiseInput& input, Stored* out, void* stream) {
  const Extent<T> extent(input);
  const Boxes<T> a(input.a), b(input.b);
  const bool whole = input.columns % kAtOnce == 0 && aligned(out, 16);
  with_metric(input.params.metric, [&](auto measure) {
    const auto kernel = overlap_tiles<decltype(measure), T, Stored>;
    LAUNCH(kernel, input.batch * extent.down * extent.across, kThreads, stream, a, b, extent, input.params, whole, out);
  });
}

template <typename T>
void run_backward(const PairwiseInput& input, const PairwiseGradient& gradient, T* slopes_a, T* slopes_b,
                  void* stream) {
  const Boxes<T> a(input.a), b(input.b);
  with_metric(input.params.metric, [&](auto measure) {
    using Measure = decltype(measure);
    const auto of_a = sum_slopes<true, Measure, T>;
    const auto of_b = sum_slopes<false, Measure, T>;
    if (slopes_a && input.rows > 0)
      LAUNCH(of_a, input.batch * blocks_for(input.rows, kThreads), kThreads, stream, a, b, input.rows, input.columns,
             input.a_batch_stride, input.b_batch_stride, input.params, gradient, slopes_a);
    if (slopes_b && input.columns > 0)
      LAUNCH(of_b, input.batch * blocks_for(input.columns, kThreads), kThreads, stream, b, a, input.columns, input.rows,
             input.b_batch_stride, input.a_batch_stride, input.params, gradient, slopes_b);
  });
}

}  // namespace

void pairwise_overlap(const PairwiseInput& input, void* out, void* stream) {
  if (input.batch * input.rows * input.columns == 0) return;
  if (computed_type(input.a.type, input.b.type) == Type::kFloat32)
    run<float>(input, static_cast<float*>(out), stream);
  else if (stored_wide(input.a.type, input.b.type))
    run<double>(input, static_cast<double*>(out), stream);
  else
    run<double>(input, static_cast<float*>(out), stream);
}

void pairwise_overlap_backward(const PairwiseInput& input, const PairwiseGradient& gradient, void* slopes_a,
                               void* slopes_b, void* stream) {
  if (input.batch == 0) return;
  with_computed(computed_type(input.a.type, input.b.type), [&](auto box) {
    using T = decltype(box);
    run_backward(input, gradient, static_cast<T*>(slopes_a), static_cast<T*>(slopes_b), stream);
  });
}

}  // namespace ptdet::cuda

// Overlaps and losses box by box, with their slopes: two pairs a thread, a box in one load, its slopes in one store.
// The gradient comes from slopes that a forward pass has kept, or from the boxes, read again.
#include "cuda/pairs.h"

namespace ptdet::cuda {
namespace {

constexpr int kPairs = 2;  // of a thread

template <typename T>
struct Pairs {
  Boxes<T> a, b;
  int64_t count;
  LossParams params;
};

// Calls take(i, pair, slopes, graded) for each pair of the thread. Where boxes lie whole, those of the second are on
// their way while the first is worked on; in double that would take more registers than there are.
template <typename Measure, typename T, typename Take>
__device__ inline void grade_each(const Pairs<T>& pairs, const Take& take) {
  const bool ahead = sizeof(T) == 4 && pairs.a.whole && pairs.b.whole;
  int64_t i = static_cast<int64_t>(blockIdx.x) * (kPairs * kBlock) + threadIdx.x;
  bool ready = false;
  Box<T> a, b;
  PTDET_ROLLED
  for (int left = kPairs; left > 0 && i < pairs.count; --left) {
    if (!ready) a = pairs.a.at(0, i), b = pairs.b.at(0, i);
    const int64_t next = i + kBlock;
    ready = ahead && left > 1 && next < pairs.count;
    Box<T> next_a, next_b;
    if (ready) next_a = pairs.a.whole_at(next), next_b = pairs.b.whole_at(next);
    const Pair<T> p = pair_of(sided<Measure::kUsesAngle>(a), sided<Measure::kUsesAngle>(b));
    Slopes<T> s;
    const Graded<T> graded = grade(Measure{}, pairs.params, p, s);
    take(i, p, s, graded);
    i = next;
    if (ready) a = next_a, b = next_b;
  }
}

template <typename T>
__device__ inline Box<T> scaled_slopes(T gradient, const Box<T>& by) {
  const Box<T> scaled = times(gradient, by);
  return {bounded(scaled.x1), bounded(scaled.y1), bounded(scaled.x2), bounded(scaled.y2)};
}

template <bool kWithSlopes, typename Measure, typename T>
__global__ void __launch_bounds__(kBlock, 2) grade_pairs(Pairs<T> pairs, bool narrowed, LossOutput output) {
  grade_each<Measure>(pairs, [&](int64_t i, const Pair<T>& p, const Slopes<T>& s, const Graded<T>& graded) {
    if (narrowed)
      static_cast<float*>(output.value)[i] = static_cast<float>(graded.value);
    else
      static_cast<T*>(output.value)[i] = graded.value;
    if constexpr (kWithSlopes) {
      if (output.slopes_a) store(times(graded.factor, by_box_a(p, s)), static_cast<T*>(output.slopes_a), i);
      if (output.slopes_b) store(times(graded.factor, by_box_b(p, s)), static_cast<T*>(output.slopes_b), i);
    }
  });
}

template <typename Measure, typename T>
__global__ void __launch_bounds__(kBlock, 2)
    gradient_of_pairs(Pairs<T> pairs, const T* gradient, int64_t gradient_stride, T* by_a, T* by_b) {
  grade_each<Measure>(pairs, [&](int64_t i, const Pair<T>& p, const Slopes<T>& s, const Graded<T>& graded) {
    const T g = gradient[i * gradient_stride];
    if (by_a) store(scaled_slopes(g, times(graded.factor, by_box_a(p, s))), by_a, i);
    if (by_b) store(scaled_slopes(g, times(graded.factor, by_box_b(p, s))), by_b, i);
  });
}

// Rows r and r + half; the rows of the second box come after those of the first, with the same gradients.
template <typename T>
__global__ void scale_slopes(const T* gradient, int64_t gradient_stride, Boxes<T> slopes, int64_t count, int64_t rows,
                             T* out) {
  const int64_t half = (rows + 1) / 2, first = thread_in_grid(), second = first + half;
  if (first >= half) return;
  const int64_t last = second < rows ? second : first;
  const T g_first = gradient[first * gradient_stride];
  const T g_last = gradient[(last < count ? last : last - count) * gradient_stride];
  const Box<T> by_first = slopes.at(0, first), by_last = slopes.at(0, last);
  store(scaled_slopes(g_first, by_first), out, first);
  if (second < rows) store(scaled_slopes(g_last, by_last), out, second);
}

template <typename T>
Pairs<T> pairs_of(const LossInput& input) {
  return {Boxes<T>(input.a), Boxes<T>(input.b), input.count, input.params};
}

template <typename T>
void run(const LossInput& input, const LossOutput& output, void* stream) {
  const bool narrowed = sizeof(T) == 8 && !stored_wide(input.a.type, input.b.type);
  with_loss(input.params, [&](auto measure) {
    using Measure = decltype(measure);
    const auto kernel =
        output.slopes_a || output.slopes_b ? grade_pairs<true, Measure, T> : grade_pairs<false, Measure, T>;
    LAUNCH(kernel, blocks_for(input.count, kPairs * kBlock), kBlock, stream, pairs_of<T>(input), narrowed, output);
  });
}

template <typename T>
void run_gradient(const LossInput& input, const LossGradient& gradient, void* by_a, void* by_b, void* stream) {
  with_loss(input.params, [&](auto measure) {
    const auto kernel = gradient_of_pairs<decltype(measure), T>;
    LAUNCH(kernel, blocks_for(input.count, kPairs * kBlock), kBlock, stream, pairs_of<T>(input),
           static_cast<const T*>(gradient.data), gradient.stride, static_cast<T*>(by_a), static_cast<T*>(by_b));
  });
}

template <typename T>
void run_backward(Type type, const LossGradient& gradient, const void* slopes, int64_t count, int64_t rows, void* out,
                  void* stream) {
  const auto kernel = scale_slopes<T>;
  LAUNCH(kernel, blocks_for((rows + 1) / 2, kBlock), kBlock, stream, static_cast<const T*>(gradient.data),
         gradient.stride, Boxes<T>({slopes, 4, 1, type}), count, rows, static_cast<T*>(out));
}

}  // namespace

void box_loss(const LossInput& input, const LossOutput& output, void* stream) {
  if (input.count == 0) return;
  with_computed(computed_type(input.a.type, input.b.type),
                [&](auto box) { run<decltype(box)>(input, output, stream); });
}

void box_loss_gradient(const LossInput& input, const LossGradient& gradient, void* by_a, void* by_b, void* stream) {
  if (input.count == 0) return;
  with_computed(computed_type(input.a.type, input.b.type),
                [&](auto box) { run_gradient<decltype(box)>(input, gradient, by_a, by_b, stream); });
}

void box_loss_backward(Type type, const LossGradient& gradient, const void* slopes, int64_t count, int sides, void* out,
                       void* stream) {
  if (count == 0) return;
  with_computed(
      type, [&](auto box) { run_backward<decltype(box)>(type, gradient, slopes, count, count * sides, out, stream); });
}

}  // namespace ptdet::cuda

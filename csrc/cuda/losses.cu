// Overlaps and losses box by box, with their slopes: one thread a pair, a box in one load, its slopes in one store.
#include "cuda/pairs.h"

namespace ptdet::cuda {
namespace {

template <typename Measure, typename T>
__global__ void grade_pairs(Boxes<T> a, Boxes<T> b, int64_t count, LossParams params, bool narrowed, void* value,
                            T* slopes_a, T* slopes_b) {
  const int64_t i = thread_in_grid();
  if (i >= count) return;
  const Pair<T> p = pair_of(sided(a.at(0, i)), sided(b.at(0, i)));
  Slopes<T> s;
  const Graded<T> graded = grade(Measure{}, params, p, s);
  if (narrowed)
    static_cast<float*>(value)[i] = static_cast<float>(graded.value);
  else
    static_cast<T*>(value)[i] = graded.value;
  if (slopes_a) store(times(graded.factor, by_box_a(p, s)), slopes_a, i);
  if (slopes_b) store(times(graded.factor, by_box_b(p, s)), slopes_b, i);
}

template <typename T>
__global__ void scale_slopes(const T* gradient, int64_t gradient_stride, Boxes<T> slopes, int64_t count, T* out) {
  const int64_t i = thread_in_grid();
  if (i >= count) return;
  const T g = gradient[i * gradient_stride];
  const Box<T> by = slopes.at(0, i);
  store(Box<T>{bounded(g * by.x1), bounded(g * by.y1), bounded(g * by.x2), bounded(g * by.y2)}, out, i);
}

template <typename T>
void run(const LossInput& input, const LossOutput& output, void* stream) {
  const bool narrowed = sizeof(T) == 8 && !stored_wide(input.a.type, input.b.type);
  const Boxes<T> a(input.a), b(input.b);
  with_loss(input.params, [&](auto measure) {
    const auto kernel = grade_pairs<decltype(measure), T>;
    LAUNCH(kernel, blocks_for(input.count, kBlock), kBlock, stream, a, b, input.count, input.params, narrowed,
           output.value, static_cast<T*>(output.slopes_a), static_cast<T*>(output.slopes_b));
  });
}

template <typename T>
void run_backward(Type type, const void* gradient, int64_t gradient_stride, const void* slopes, int64_t count,
                  void* out, void* stream) {
  const auto kernel = scale_slopes<T>;
  LAUNCH(kernel, blocks_for(count, kBlock), kBlock, stream, static_cast<const T*>(gradient), gradient_stride,
         Boxes<T>({slopes, 4, 1, type}), count, static_cast<T*>(out));
}

}  // namespace

void box_loss(const LossInput& input, const LossOutput& output, void* stream) {
  if (input.count == 0) return;
  with_computed(computed_type(input.a.type, input.b.type),
                [&](auto box) { run<decltype(box)>(input, output, stream); });
}

void box_loss_backward(Type type, const void* gradient, int64_t gradient_stride, const void* slopes, int64_t count,
                       void* out, void* stream) {
  if (count == 0) return;
  with_computed(type, [&](auto box) {
    run_backward<decltype(box)>(type, gradient, gradient_stride, slopes, count, out, stream);
  });
}

}  // namespace ptdet::cuda

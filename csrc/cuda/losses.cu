// Overlaps and losses box by box, with their slopes: one thread a pair, a box in one load, its slopes in one store.
#include "cuda/pairs.h"
#include "api/dispatch.h"

namespace ptdet::cuda {
namespace {

template <typename T>
struct Graded {
  T value, factor;  // the slopes are to be taken times the factor
};

template <typename Measure, typename T>
__device__ Graded<T> grade(Measure measure, const LossParams& params, const Pair<T>& p, Slopes<T>& s) {
  const T total = graded(measure, p, epsilon_of<T>(params.overlap), s);
  if (params.loss == Loss::kComplement) return {bounded(T(1) - total), T(-1)};
  const bool sound = is_finite(s.overlap) && is_finite(total);
  return {sound ? total : T(0), sound ? T(1) : T(0)};
}

struct AnyLoss {};

template <typename T>
__device__ Graded<T> grade(AnyLoss, const LossParams& params, const Pair<T>& p, Slopes<T>& s) {
  return {bounded(graded_loss(p, loss_shape<T>(params), s)), T(-1)};
}

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
  const auto launch = [&](auto measure) {
    const auto kernel = grade_pairs<decltype(measure), T>;
    LAUNCH(kernel, blocks_for(input.count, kBlock), kBlock, stream, a, b, input.count, input.params, narrowed,
           output.value, static_cast<T*>(output.slopes_a), static_cast<T*>(output.slopes_b));
  };
  if (input.params.loss == Loss::kMeasure || input.params.loss == Loss::kComplement)
    with_metric(input.params.overlap.metric, launch);
  else
    launch(AnyLoss{});
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
  if (computed_wide(input.a.type, input.b.type))
    run<double>(input, output, stream);
  else
    run<float>(input, output, stream);
}

void box_loss_backward(Type type, const void* gradient, int64_t gradient_stride, const void* slopes, int64_t count,
                       void* out, void* stream) {
  if (count == 0) return;
  if (type == Type::kFloat64)
    run_backward<double>(type, gradient, gradient_stride, slopes, count, out, stream);
  else
    run_backward<float>(type, gradient, gradient_stride, slopes, count, out, stream);
}

}  // namespace ptdet::cuda

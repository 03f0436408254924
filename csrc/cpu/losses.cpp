// Overlaps and losses box by box, with their slopes, in one pass.
#include <algorithm>
#include <initializer_list>

#include "cpu/simd/simd_table.h"
#include "cpu/parallel.h"
#include "cpu/typed_io.h"

namespace ptdet::cpu {
namespace {

constexpr int64_t kBlock = 256;  // pairs that are copied at a time where they do not lie ready

template <typename T>
T* at(void* rows, int64_t index) {
  return rows ? static_cast<T*>(rows) + index : nullptr;
}

template <typename T>
void run_range(const LossInput& input, const LossOutput& output, int64_t begin, int64_t end) {
  const bool ready = lies_ready<T>(input.a) && lies_ready<T>(input.b);
  const bool narrowed = sizeof(T) == 8 && !stored_wide(input.a.type, input.b.type);
  const int64_t step = ready ? end - begin : kBlock;
  T room_a[4 * kBlock], room_b[4 * kBlock], room_value[kBlock];
  for (int64_t i = begin; i < end; i += step) {
    const int64_t count = std::min(step, end - i);
    PairBlock<T> block{
        rows_of(input.a, 0, i, count, room_a), rows_of(input.b, 0, i, count, room_b), count, input.params, room_value,
        at<T>(output.slopes_a, 4 * i),         at<T>(output.slopes_b, 4 * i)};
    if (!narrowed) block.value = at<T>(output.value, i);
    pair_loops<T>().each(block);
    if (narrowed)
      for (int64_t k = 0; k < count; ++k) static_cast<float*>(output.value)[i + k] = static_cast<float>(room_value[k]);
  }
}

template <typename T>
void run(const LossInput& input, const LossOutput& output, const Host& host) {
  parallel_ranges(host, input.count, parts_for(host, input.count),
                  [&](int64_t begin, int64_t end) { run_range<T>(input, output, begin, end); });
}

template <typename T>
void scale(const LossGradient& gradient, const void* slopes, int64_t begin, int64_t end, void* out) {
  pair_loops<T>().scale(static_cast<const T*>(gradient.data) + begin * gradient.stride, gradient.stride,
                        static_cast<const T*>(slopes) + 4 * begin, end - begin, static_cast<T*>(out) + 4 * begin);
}

// A block's slopes are scaled where they lie, while they are in the first cache.
template <typename T>
void run_gradient(const LossInput& input, const LossGradient& gradient, void* by_a, void* by_b, int64_t begin,
                  int64_t end) {
  T room_a[4 * kBlock], room_b[4 * kBlock], room_value[kBlock];
  for (int64_t i = begin; i < end; i += kBlock) {
    const int64_t count = std::min(kBlock, end - i);
    pair_loops<T>().each({rows_of(input.a, 0, i, count, room_a), rows_of(input.b, 0, i, count, room_b), count,
                          input.params, room_value, at<T>(by_a, 4 * i), at<T>(by_b, 4 * i)});
    for (void* by : {by_a, by_b})
      if (by) scale<T>(gradient, by, i, i + count, by);
  }
}

}  // namespace

void box_loss(const LossInput& input, const LossOutput& output, const Host& host) {
  if (input.count == 0) return;
  with_computed(computed_type(input.a.type, input.b.type), [&](auto box) { run<decltype(box)>(input, output, host); });
}

void box_loss_backward(Type type, const LossGradient& gradient, const void* slopes, int64_t count, int sides, void* out,
                       const Host& host) {
  if (count == 0) return;
  with_computed(type, [&](auto box) {
    using T = decltype(box);
    for (int side = 0; side < sides; ++side)
      parallel_ranges(host, count, parts_for(host, count), [&](int64_t begin, int64_t end) {
        scale<T>(gradient, static_cast<const T*>(slopes) + 4 * count * side, begin, end,
                 static_cast<T*>(out) + 4 * count * side);
      });
  });
}

void box_loss_gradient(const LossInput& input, const LossGradient& gradient, void* by_a, void* by_b, const Host& host) {
  if (input.count == 0) return;
  with_computed(computed_type(input.a.type, input.b.type), [&](auto box) {
    parallel_ranges(host, input.count, parts_for(host, input.count), [&](int64_t begin, int64_t end) {
      run_gradient<decltype(box)>(input, gradient, by_a, by_b, begin, end);
    });
  });
}

}  // namespace ptdet::cpu

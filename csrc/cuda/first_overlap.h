// For each box the best box of its segment that overlaps it enough, kept or not.
#pragma once

#include "math/threshold.h"
#include "cuda/ranked_pairs.h"

namespace ptdet::cuda {
namespace {

template <typename T>
__global__ void prepare(RankedBoxes<T> ranked, NmsInput input, const int64_t* groups, Keys keys, int64_t* first,
                        int64_t* keep) {
  const int64_t position = thread_in_grid();
  if (position >= input.count) return;
  keep[position] = -1;
  if (!ranked.gather(input.boxes, groups, keys, position)) first[ranked.rows[position]] = -1;
}

struct First {
  int64_t position;

  __device__ void take(const First& other) {
    if (other.position < position) position = other.position;
  }
};

template <typename Measure, typename T>
struct FindFirst {
  static constexpr bool kStops = true;
  using Slot = AlignedBox<T>;
  Box<T> own;
  Threshold<T> threshold;
  int64_t own_position;
  First first;

  __device__ void stage(Slot&, int64_t) {}
  __device__ bool has_ended() const { return first.position < own_position; }
  __device__ void operator()(int64_t position, const Slot& better) {
    if (!has_ended() && suppresses_early_out<Measure>(better.box, own, threshold)) first.position = position;
  }
};

template <typename Measure, typename T>
__global__ void __launch_bounds__(kRowBlock, kResidentRows<T>)
    find_first(RankedBoxes<T> ranked, Threshold<T> threshold, int64_t* found) {
  const int64_t own = own_position();
  const bool candidate = own < ranked.count && ranked.starts[own] >= 0;
  FindFirst<Measure, T> visit{candidate ? ranked.boxes[own].box : Box<T>{}, threshold, own, {own}};
  for_each_better(ranked, visit);
  const First first = joined(visit.first);
  if (candidate && threadIdx.x < kWarp) found[ranked.rows[own]] = ranked.rows[first.position];
}

// first[row]: itself if no better box does, -1 if it is no candidate; and nothing in `keep`.
template <typename T>
void find_first_of_all(RankedBoxes<T> ranked, const NmsInput& input, const NmsParams& params, const NmsSorted& sorted,
                       int64_t* first, int64_t* keep, void* stream) {
  ranked.rows = sorted.by_group ? sorted.by_group : sorted.by_score;
  const auto prepare_kernel = prepare<T>;
  LAUNCH(prepare_kernel, blocks_for(input.count, kBlock), kBlock, stream, ranked, input, sorted.groups,
         Keys{sorted.keys, input.scores.type == Type::kFloat64}, first, keep);
  const auto threshold = Threshold<T>::from(params.iou_threshold, params.inclusive);
  with_metric(params.metric, [&](auto measure) {
    const auto find_kernel = find_first<decltype(measure), T>;
    LAUNCH(find_kernel, rows_of_boxes(input.count), kRowBlock, stream, ranked, threshold, first);
  });
}

}  // namespace
}  // namespace ptdet::cuda

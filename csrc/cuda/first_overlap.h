// For each box the best box of its segment that overlaps it enough, kept or not.
#pragma once

#include "math/threshold.h"
#include "cuda/ranked_pairs.h"

namespace ptdet::cuda {
namespace {

template <typename Shape>
__global__ void prepare(RankedBoxes<Shape> ranked, typename RankedBoxes<Shape>::Source source, const int64_t* groups,
                        Keys keys, int64_t* first, int64_t* keep) {
  const int64_t position = thread_in_grid();
  if (position >= ranked.count) return;
  keep[position] = -1;
  if (!ranked.gather(source, groups, keys, position)) first[ranked.rows[position]] = -1;
}

template <typename Shape>
constexpr bool kIsRotated = std::is_same<Shape, RotatedBox<double>>::value;

struct First {
  int64_t position;

  __device__ void take(const First& other) {
    if (other.position < position) position = other.position;
  }
};

template <typename Measure, typename Shape>
struct FindFirst {
  static constexpr bool kStops = true;
  using Slot = Held<Shape>;
  Slot own;
  ShapeThreshold<Shape> threshold;
  int64_t own_position;
  First first;

  __device__ void stage(Slot& slot, const Slot& box, int64_t) { slot = box; }
  __device__ bool has_ended() const { return first.position < own_position; }
  __device__ void look(const Slot* slots, int from, int end, int64_t at) {
    int found = -1;
    if constexpr (kIsRotated<Shape>) {  // so that the threads of a warp compute exact overlaps together
      TileShape<Shape>::template take_first_match<Measure>(slots, from, end, kParts, own, threshold,
                                                           [&](int slot) { found = slot; });
    } else {  // the compiler unrolls a loop that has no way out
      for (const Slot* better = slots + from; from < end; from += kParts, better += kParts)
        if (found < 0 && suppresses_early_out<Measure>(better->box, own.box, threshold)) found = from;
    }
    if (found >= 0) first.position = at + found;
  }
};

template <typename Measure, typename Shape>
__global__ void __launch_bounds__(kRowBlock, kResidentRows<typename TileShape<Shape>::Number>)
    find_first(RankedBoxes<Shape> ranked, ShapeThreshold<Shape> threshold, int64_t* found) {
  const int64_t own = own_position();
  const bool candidate = own < ranked.count && ranked.starts[own] >= 0;
  FindFirst<Measure, Shape> visit{candidate ? ranked.boxes[own] : Held<Shape>{}, threshold, own, {own}};
  for_each_better(ranked, visit);
  const First first = joined(visit.first);
  if (candidate && threadIdx.x < kWarp) found[ranked.rows[own]] = ranked.rows[first.position];
}

// first[row]: itself if no better box does, -1 if it is no candidate; and nothing in `keep`.
template <typename Shape>
void find_first_of_all(RankedBoxes<Shape> ranked, const typename RankedBoxes<Shape>::Source& source,
                       const NmsInput& input, const NmsParams& params, const NmsSorted& sorted, int64_t* first,
                       int64_t* keep, void* stream) {
  ranked.rows = sorted.by_group ? sorted.by_group : sorted.by_score;
  const auto prepare_kernel = prepare<Shape>;
  LAUNCH(prepare_kernel, blocks_for(input.count, kBlock), kBlock, stream, ranked, source, sorted.groups,
         Keys{sorted.keys, input.scores.type == Type::kFloat64}, first, keep);
  const auto threshold = ShapeThreshold<Shape>::from(params.iou_threshold, params.inclusive);
  const auto find = [&](auto measure) {
    const auto find_kernel = find_first<decltype(measure), Shape>;
    LAUNCH(find_kernel, rows_of_boxes(input.count), kRowBlock, stream, ranked, threshold, first);
  };
  if constexpr (kIsRotated<Shape>)
    with_rotated_suppression(params.metric, find);
  else
    with_metric(params.metric, find);
}

}  // namespace
}  // namespace ptdet::cuda

// Fast NMS: one look at all better boxes, none of which waits for another; then the result as that of hard NMS.
#include "core/apart.h"
#include "cuda/better_boxes.h"
#include "cuda/nms_result.h"

namespace ptdet::cuda {
namespace {

template <typename T>
struct FastScratch {
  RankedBoxes<T> ranked;
  int64_t* found;  // [row] who removes it, itself if nobody does, -1 if it is no candidate
  Result result;
  size_t bytes;

  FastScratch(void* base, int64_t count) : FastScratch(Layout(base), count) {}

 private:
  FastScratch(Layout layout, int64_t count)
      : ranked(layout, count), found(layout.take<int64_t>(count)), result(), bytes(0) {
    result.count = count;
    result.found = found;
    result.removed_own = true;
    result.block_kept = layout.take<int64_t>(blocks_for(count, kBlock));
    result.total = layout.take<int64_t>(1);
    result.place = layout.take<int64_t>(count);
    bytes = layout.size();
  }
};

template <typename T>
__global__ void prepare(FastScratch<T> scratch, NmsInput input, const int64_t* groups, Keys keys, int64_t* keep) {
  const int64_t position = thread_in_grid();
  if (position >= input.count) return;
  keep[position] = -1;
  if (!scratch.ranked.gather(input.boxes, groups, keys, position)) scratch.found[scratch.ranked.rows[position]] = -1;
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
  Box<T> own;
  Threshold<T> threshold;
  int64_t own_position;
  First first;

  __device__ void stage(int, int64_t) {}
  __device__ bool has_ended() const { return first.position < own_position; }
  __device__ void operator()(int, int64_t position, const Box<T>& better) {
    if (!has_ended() && suppresses_early_out<Measure>(better, own, threshold)) first.position = position;
  }
};

template <typename Measure, typename T>
__global__ void __launch_bounds__(kRowBlock, kResidentRows<T>)
    find_first(RankedBoxes<T> ranked, Threshold<T> threshold, int64_t* found) {
  const int64_t own = own_position();
  const bool candidate = own < ranked.count && ranked.starts[own] >= 0;
  FindFirst<Measure, T> visit{candidate ? ranked.boxes[own].box : Box<T>{}, threshold, own, {own}};
  visit_better(ranked, visit);
  const First first = joined(visit.first);
  if (candidate && threadIdx.x < kWarp) found[ranked.rows[own]] = ranked.rows[first.position];
}

template <typename T>
void run(const NmsInput& input, const NmsParams& params, const NmsSorted& sorted, const NmsOutput& output, void* memory,
         void* stream) {
  FastScratch<T> scratch(memory, input.count);
  scratch.ranked.rows = sorted.by_group ? sorted.by_group : sorted.by_score;
  const auto prepare_kernel = prepare<T>;
  LAUNCH(prepare_kernel, blocks_for(input.count, kBlock), kBlock, stream, scratch, input, sorted.groups,
         Keys{sorted.keys, input.scores.type == Type::kFloat64}, output.keep);
  const auto threshold = Threshold<T>::from(params.iou_threshold, params.inclusive);
  with_metric(params.metric, [&](auto measure) {
    const auto find_kernel = find_first<decltype(measure), T>;
    LAUNCH(find_kernel, rows_of_boxes(input.count), kRowBlock, stream, scratch.ranked, threshold, scratch.found);
  });
  write_result(scratch.result, sorted.by_score, params.max_output, output, stream);
}

}  // namespace

size_t fast_scratch_bytes(int64_t count) { return FastScratch<double>(nullptr, count).bytes; }

void fast_nms(const NmsInput& input, const NmsParams& params, const NmsSorted& sorted, const NmsOutput& output,
              void* scratch, void* stream) {
  if (input.count == 0) return;
  if (wide(input))
    run<double>(input, params, sorted, output, scratch, stream);
  else
    run<float>(input, params, sorted, output, scratch, stream);
}

}  // namespace ptdet::cuda

// Hard NMS: what the walk needs to know of each tile, the walk, and the result in the caller's order; six launches.
// Positions count along by_group (by_score if there is one group), ranks along by_score, rows in the input.
#include "cuda/nms_result.h"
#include "cuda/greedy_pass.h"
#include "cuda/segments.h"
#include "api/dispatch.h"

namespace ptdet::cuda {
namespace {

template <typename T>
__global__ void prepare(Walk<T> walk, int64_t* keep) {
  const int64_t position = thread_in_grid();
  if (position >= walk.count) return;
  keep[position] = -1;
  if (position == 0) *walk.tickets = 0;
  if (position % kTile != 0) return;
  walk.head[position / kTile] = segment_start(walk.groups, position);
  walk.progress[position / kTile] = 0;
}

template <typename T>
struct Scratch {
  Walk<T> walk;
  Result result;
  size_t bytes;

  Scratch(void* base, int64_t count) : walk(), result() {
    Layout layout(base);
    const int64_t tiles = blocks_for(count, kTile);
    walk.count = result.count = count;
    walk.tickets = layout.take<Counter>(1);
    walk.head = layout.take<int64_t>(tiles);
    walk.progress = layout.take<Counter>(tiles);
    walk.kept_boxes = layout.take<WalkBox<T>>(count);
    walk.kept_rows = layout.take<int64_t>(count);
    walk.kept_before = layout.take<int64_t>(tiles);
    walk.kept_words = layout.take<uint32_t>(tiles * kTileWords);
    walk.found = layout.take<int64_t>(count);
    result.found = walk.found;
    result.block_kept = layout.take<int64_t>(blocks_for(count, kBlock));
    result.total = layout.take<int64_t>(1);
    result.place = walk.kept_rows;  // the walk is over by then
    bytes = layout.size();
  }
};

template <typename T>
void run(const NmsInput& input, const NmsParams& params, const NmsSorted& sorted, const NmsOutput& output, void* memory,
         void* stream) {
  Scratch<T> scratch(memory, input.count);
  Walk<T>& walk = scratch.walk;
  walk.max_output = params.max_output;
  walk.want_owner = output.owner != nullptr;
  walk.keys = {sorted.keys, input.scores.type == Type::kFloat64};
  walk.boxes = input.boxes;
  walk.rows = sorted.groups == nullptr ? sorted.by_score : sorted.by_group;
  walk.groups = sorted.groups;

  const auto prepare_kernel = prepare<T>;
  LAUNCH(prepare_kernel, blocks_for(input.count, kBlock), kBlock, stream, walk, output.keep);
  const auto threshold = Threshold<T>::from(params.iou_threshold, params.inclusive, params.beta);
  with_suppression(params, [&](auto measure) {
    const auto walk_kernel = visit_tiles<decltype(measure), T>;
    LAUNCH(walk_kernel, blocks_for(input.count, kTile), kTile, stream, walk, threshold);
  });
  write_result(scratch.result, sorted.by_score, params.max_output, output, stream);
}

}  // namespace

size_t nms_scratch_bytes(const NmsInput& input) {
  return wide(input) ? Scratch<double>(nullptr, input.count).bytes : Scratch<float>(nullptr, input.count).bytes;
}

void nms(const NmsInput& input, const NmsParams& params, const NmsSorted& sorted, const NmsOutput& output,
         void* scratch, void* stream) {
  if (input.count == 0) return;
  if (wide(input))
    run<double>(input, params, sorted, output, scratch, stream);
  else
    run<float>(input, params, sorted, output, scratch, stream);
}

}  // namespace ptdet::cuda

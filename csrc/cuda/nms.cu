// Hard NMS: positions and segments, the rounds of the walk, and the result in the caller's order.
// Positions count along by_group (by_score if there is one group), ranks along by_score, rows in the input.
#include <algorithm>

#include "cuda/keys.h"
#include "cuda/load.h"
#include "cuda/nms_result.h"
#include "cuda/nms_walk.h"
#include "cuda/segments.h"
#include "switch.h"

namespace ptdet::cuda {
namespace {

__global__ void reset(Progress* progress) { *progress = {0, 0, 0}; }

template <typename T>
__global__ void prepare(Walk<T> walk, BoxColumn boxes, const int64_t* rows, const int64_t* groups, Keys keys,
                        int64_t* keep) {
  const int64_t position = thread_in_grid();
  if (position >= walk.count) return;
  keep[position] = -1;
  walk.boxes[position].box = load_box<T>(boxes, rows[position]);
  walk.remover[position] = keys.is_candidate(rows[position]) ? kOpen : kNotTakingPart;
  const int64_t start = segment_start(groups, position);
  walk.start[position] = start;
  if (start != position) return;
  const int64_t end = segment_end(groups, rows, keys, start, walk.count);
  walk.segments[start] = {end, 0, 0};
  if (end == start) return;
  walk.segment_list[atomicAdd(&walk.progress->segments, Counter(1))] = start;
  atomicMax(&walk.progress->longest, static_cast<Counter>(end - start));
}

template <typename T>
struct Scratch {
  Walk<T> walk;
  Result result;
  size_t bytes;

  Scratch(void* base, int64_t count) : walk(), result() {
    Layout layout(base);
    walk.count = count;
    walk.progress = layout.take<Progress>(1);
    walk.segment_list = layout.take<int64_t>(count);
    walk.segments = layout.take<Segment>(count);
    walk.start = layout.take<int64_t>(count);
    walk.remover = layout.take<int64_t>(count);
    walk.boxes = layout.take<WalkBox<T>>(count);
    walk.visited = layout.take<int64_t>(count);
    result.count = count;
    result.found = layout.take<int64_t>(count);
    result.block_kept = layout.take<int64_t>(blocks_for(count, kBlock));
    result.place = walk.visited;  // the walk is over by then
    bytes = layout.size();
  }
};

template <typename Measure, typename T>
void launch_rounds(const Walk<T>& walk, const Threshold<T>& threshold, bool one_segment, void* stream) {
  const auto settle_kernel = settle<Measure, T>;
  const auto push_kernel = push<Measure, T>;
  const int64_t settle_blocks = one_segment ? 1 : std::min(walk.count, kSettleBlocks);
  const int64_t rounds = blocks_for(walk.count, kTile);
  for (int64_t round = 0; round < rounds; ++round) {
    LAUNCH(settle_kernel, settle_blocks, kTile, stream, walk, threshold, round);
    const int64_t after = walk.count - (round + 1) * kTile;
    if (after <= 0) return;
    // One candidate after the other costs time, one warp for each costs threads that have nothing to do.
    const int per_warp = static_cast<int>(std::clamp<int64_t>(after / kPushWarps, 1, kWarp));
    const int64_t blocks = blocks_for(after, static_cast<int64_t>(per_warp) * (kBlock / kWarp));
    LAUNCH(push_kernel, blocks, kBlock, stream, walk, threshold, round, per_warp);
  }
}

template <typename T>
void run(const NmsInput& input, const NmsParams& params, const NmsSorted& sorted, const NmsOutput& output, void* memory,
         void* stream) {
  Scratch<T> scratch(memory, input.count);
  Walk<T>& walk = scratch.walk;
  walk.max_output = params.max_output;
  walk.want_owner = output.owner != nullptr;
  const bool one_segment = sorted.groups == nullptr;
  const int64_t* rows = one_segment ? sorted.by_score : sorted.by_group;
  const Keys keys{sorted.keys, input.scores.type == Type::kFloat64};

  LAUNCH(reset, 1, 1, stream, walk.progress);
  const auto prepare_kernel = prepare<T>;
  LAUNCH(prepare_kernel, blocks_for(input.count, kBlock), kBlock, stream, walk, input.boxes, rows, sorted.groups, keys,
         output.keep);
  const auto threshold = Threshold<T>::from(params.iou_threshold, params.inclusive, params.beta);
  with_suppression(params,
                   [&](auto measure) { launch_rounds<decltype(measure)>(walk, threshold, one_segment, stream); });
  write_result(scratch.result, walk.remover, rows, sorted.by_score, params.max_output, output, stream);
}

bool wide(const NmsInput& input) { return input.boxes.type == Type::kFloat64; }

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

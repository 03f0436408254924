// Hard NMS: what the greedy pass needs of each tile, the pass, and the result in the caller's order; five launches,
// six where owners are wanted. One large group goes by place, in some ten launches more; the pass over tiles then only
// does what that refused.
// Positions count along by_group (by_score if there is one group), ranks along by_score, rows in the input.
#include "cuda/nms_result.h"
#include "cuda/greedy_pass.h"
#include "cuda/segments.h"
#include "cuda/spatial_pass.h"
#include "api/dispatch.h"

namespace ptdet::cuda {
namespace {

template <typename T>
__global__ void prepare(TilePass<T> pass, int64_t* keep) {
  const int64_t position = thread_in_grid();
  if (position >= pass.count) return;
  keep[position] = -1;
  if (position == 0) *pass.tickets = 0;
  if (position % kTile != 0) return;
  pass.head[position / kTile] = segment_start(pass.groups, position);
  pass.progress[position / kTile] = 0;
}

bool may_go_by_place(const NmsInput& input) {
  return input.groups.data == nullptr && input.count >= kSpatialFrom && input.count < (int64_t{1} << 31);
}

// With few to keep, the tiles that keep them are few.
bool goes_by_place(const NmsInput& input, const NmsParams& params) {
  return may_go_by_place(input) && params.max_output >= kSpatialFrom && params.iou_threshold >= Reach::kLeastIou;
}

template <typename T>
struct Scratch {
  TilePass<T> pass;
  SpatialPass<T> by_place;
  Result result;
  size_t bytes;

  Scratch(void* base, const NmsInput& input) : pass(), by_place(), result() {
    Layout layout(base);
    const int64_t count = input.count;
    const int64_t tiles = blocks_for(count, kTile);
    pass.count = result.count = count;
    pass.tickets = layout.take<Counter>(1);
    pass.head = layout.take<int64_t>(tiles);
    pass.progress = layout.take<Counter>(tiles);
    pass.kept_boxes = layout.take<AlignedBox<T>>(count);
    pass.kept_rows = layout.take<int64_t>(count);
    pass.kept_before = layout.take<int64_t>(tiles);
    pass.kept_words = layout.take<uint32_t>(tiles * kTileWords);
    pass.found = layout.take<int64_t>(count);
    result.found = pass.found;
    result.block_kept = layout.take<int64_t>(blocks_for(count, kBlock));
    result.total = layout.take<int64_t>(1);
    result.place = pass.kept_rows;  // the pass is over by then
    if (may_go_by_place(input)) take_cells(layout, count);
    bytes = layout.size();
  }

  void take_cells(Layout& layout, int64_t count) {
    by_place.count = count;
    by_place.buckets = SpatialPass<T>::buckets_for(count);
    by_place.refused = layout.take<uint32_t>(1);
    by_place.taken = layout.take<uint32_t>(1);
    by_place.tickets = layout.take<Counter>(kMostChunks);
    by_place.starts = layout.take<uint32_t>(by_place.buckets);
    by_place.kept.fill = layout.take<uint32_t>(by_place.buckets);
    by_place.open.fill = layout.take<uint32_t>(by_place.buckets);
    by_place.kept.positions = layout.take<uint32_t>(count);
    by_place.open.positions = layout.take<uint32_t>(count);
    by_place.kept.boxes = pass.kept_boxes;  // that pass starts anew, if at all
    by_place.open.boxes = layout.take<AlignedBox<T>>(count);
    by_place.verdicts = layout.take<uint32_t>(count);
    by_place.found = pass.found;
  }
};

template <typename T>
void run(const NmsInput& input, const NmsParams& params, const NmsSorted& sorted, const NmsOutput& output, void* memory,
         void* stream) {
  Scratch<T> scratch(memory, input);
  TilePass<T>& pass = scratch.pass;
  pass.max_output = params.max_output;
  pass.want_owner = output.owner != nullptr;
  pass.keys = {sorted.keys, input.scores.type == Type::kFloat64};
  pass.boxes = input.boxes;
  pass.rows = sorted.groups == nullptr ? sorted.by_score : sorted.by_group;
  pass.groups = sorted.groups;

  const auto prepare_kernel = prepare<T>;
  LAUNCH(prepare_kernel, blocks_for(input.count, kBlock), kBlock, stream, pass, output.keep);
  const auto threshold = Threshold<T>::from(params.iou_threshold, params.inclusive, params.beta);
  with_suppression(params, [&](auto measure) {
    if constexpr (kHasPlaces<decltype(measure)>) {
      if (goes_by_place(input, params)) {
        SpatialPass<T>& by_place = scratch.by_place;
        by_place.want_owner = pass.want_owner;
        by_place.reach = Reach::of(params.iou_threshold);
        by_place.keys = pass.keys;
        by_place.boxes = pass.boxes;
        by_place.rows = pass.rows;
        pass_by_place<decltype(measure)>(by_place, threshold, stream);
        pass.wanted = by_place.refused;
      }
    }
    const auto pass_kernel = pass_over_tiles<decltype(measure), T>;
    LAUNCH(pass_kernel, blocks_for(input.count, kTile), kTile, stream, pass, threshold);
  });
  write_result(scratch.result, sorted.by_score, params.max_output, output, stream);
}

}  // namespace

size_t nms_scratch_bytes(const NmsInput& input) {
  return with_computed(input.boxes.type, [&](auto box) { return Scratch<decltype(box)>(nullptr, input).bytes; });
}

void nms(const NmsInput& input, const NmsParams& params, const NmsSorted& sorted, const NmsOutput& output,
         void* scratch, void* stream) {
  if (input.count == 0) return;
  with_computed(input.boxes.type,
                [&](auto box) { run<decltype(box)>(input, params, sorted, output, scratch, stream); });
}

}  // namespace ptdet::cuda

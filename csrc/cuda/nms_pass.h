// Hard NMS of one shape around its pass over tiles: the memory, what the pass needs of each tile, and the result in the
// caller's order.
// Positions count along by_group (by_score if there is one group), ranks along by_score, rows in the input.
#pragma once

#include "cuda/greedy_pass.h"
#include "cuda/nms_result.h"
#include "cuda/segments.h"

namespace ptdet::cuda {
namespace {

template <typename Shape>
__global__ void prepare(TilePass<Shape> pass, int64_t* keep) {
  const int64_t position = thread_in_grid();
  if (position >= pass.count) return;
  keep[position] = -1;
  if (position == 0) *pass.tickets = 0;
  if (position % kTile != 0) return;
  pass.head[position / kTile] = segment_start(pass.groups, position);
  pass.progress[position / kTile] = 0;
}

template <typename Shape>
struct PassScratch {
  TilePass<Shape> pass;
  Result result;

  PassScratch(Layout& layout, int64_t count) : pass(), result() {
    const int64_t tiles = blocks_for(count, kTile);
    pass.count = result.count = count;
    pass.tickets = layout.take<Counter>(1);
    pass.head = layout.take<int64_t>(tiles);
    pass.progress = layout.take<Counter>(tiles);
    pass.kept_boxes = layout.take<Held<Shape>>(count);
    pass.kept_rows = layout.take<int64_t>(count);
    pass.kept_before = layout.take<int64_t>(tiles);
    pass.kept_words = layout.take<uint32_t>(tiles * kTileWords);
    pass.found = layout.take<int64_t>(count);
    result.found = pass.found;
    result.block_kept = layout.take<int64_t>(blocks_for(count, kBlock));
    result.total = layout.take<int64_t>(1);
    result.place = pass.kept_rows;  // the pass is over by then
  }

  // Before the pass; where boxes are read from is set already.
  void begin(const NmsInput& input, const NmsParams& params, const NmsSorted& sorted, const NmsOutput& output,
             void* stream) {
    pass.max_output = params.max_output;
    pass.want_owner = output.owner != nullptr;
    pass.keys = {sorted.keys, input.scores.type == Type::kFloat64};
    pass.rows = sorted.groups == nullptr ? sorted.by_score : sorted.by_group;
    pass.groups = sorted.groups;
    const auto kernel = prepare<Shape>;
    LAUNCH(kernel, blocks_for(input.count, kBlock), kBlock, stream, pass, output.keep);
  }

  template <typename Measure>
  void run(const ShapeThreshold<Shape>& threshold, void* stream) const {
    const auto pass_kernel = pass_over_tiles<Measure, Shape>;
    LAUNCH(pass_kernel, blocks_for(pass.count, kTile), kTile, stream, pass, threshold);
  }
};

}  // namespace
}  // namespace ptdet::cuda

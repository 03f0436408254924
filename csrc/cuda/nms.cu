// Hard NMS: what the greedy pass needs of each tile, the pass, and the result in the caller's order; five launches,
// six where owners are wanted. One large group goes by place, in some ten launches more; the pass over tiles then only
// does what that refused.
#include "cuda/nms_pass.h"
#include "cuda/spatial_pass.h"
#include "api/dispatch.h"

namespace ptdet::cuda {
namespace {

bool may_go_by_place(const NmsInput& input) {
  return input.groups.data == nullptr && input.count >= kSpatialFrom && input.count < (int64_t{1} << 31);
}

// With few to keep, the tiles that keep them are few.
bool goes_by_place(const NmsInput& input, const NmsParams& params) {
  return may_go_by_place(input) && params.max_output >= kSpatialFrom && params.iou_threshold >= Reach::kLeastIou;
}

template <typename T>
struct Scratch : PassScratch<Box<T>> {
  using PassScratch<Box<T>>::pass;
  SpatialPass<T> by_place;
  size_t bytes;

  Scratch(Layout layout, const NmsInput& input) : PassScratch<Box<T>>(layout, input.count), by_place() {
    if (may_go_by_place(input)) take_cells(layout, input.count);
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
  Scratch<T> scratch(Layout(memory), input);
  TilePass<Box<T>>& pass = scratch.pass;
  pass.boxes = input.boxes;
  scratch.begin(input, params, sorted, output, stream);
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
    scratch.template run<decltype(measure)>(threshold, stream);
  });
  write_result(scratch.result, sorted.by_score, params.max_output, output, stream);
}

}  // namespace

size_t nms_scratch_bytes(const NmsInput& input) {
  return with_computed(input.boxes.type,
                       [&](auto box) { return Scratch<decltype(box)>(Layout(nullptr), input).bytes; });
}

void nms(const NmsInput& input, const NmsParams& params, const NmsSorted& sorted, const NmsOutput& output,
         void* scratch, void* stream) {
  if (input.count == 0) return;
  with_computed(input.boxes.type,
                [&](auto box) { run<decltype(box)>(input, params, sorted, output, scratch, stream); });
}

}  // namespace ptdet::cuda

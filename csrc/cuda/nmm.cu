// Non-maximum merging: the owner of each box where members propagate; then each kept box grows, one thread a kept box,
// by its members in score order.
#include "math/nmm.h"
#include "cuda/first_overlap.h"
#include "cuda/nms_result.h"

namespace ptdet::cuda {
namespace {

template <typename T>
struct NmmScratch {
  RankedBoxes<T> ranked;
  int64_t* first;  // [row] the first box that overlaps it, itself if none before it does, -1 if it is no candidate
  int64_t* found;  // [row] the box that it belongs to
  Result result;
  size_t bytes;

  NmmScratch(void* base, int64_t count) : NmmScratch(Layout(base), count) {}

 private:
  NmmScratch(Layout layout, int64_t count)
      : ranked(layout, count), first(layout.take<int64_t>(count)), found(layout.take<int64_t>(count)), result() {
    result.count = count;
    result.found = found;
    result.block_kept = layout.take<int64_t>(blocks_for(count, kBlock));
    result.total = layout.take<int64_t>(1);
    result.place = first;  // read no more by then
    bytes = layout.size();
  }
};

// A box is absorbed by the first better box that overlaps it, whether that one is kept or absorbed itself. Its owner is
// the end of this chain.
template <typename T>
__global__ void find_owner(NmmScratch<T> scratch, int64_t count) {
  const int64_t row = thread_in_grid();
  if (row >= count) return;
  int64_t by = scratch.first[row];
  while (by >= 0 && scratch.first[by] != by) by = scratch.first[by];
  scratch.found[row] = by;
}

// `keys` ascend; `ranks` are the places in score order that they belong to.
template <typename T>
__global__ void grow(NmsInput input, Metric metric, Threshold<T> threshold, const int64_t* by_score,
                     const int64_t* keys, const int64_t* ranks, NmmOutput output) {
  const int64_t k = thread_in_grid();
  if (k >= input.count) return;
  const int64_t of = output.pass.keep[k];
  Grown<T> grown = Grown<T>::none();
  if (of >= 0) {
    grown = Grown<T>::from(load_box<T>(input.boxes, of), of);
    for (int64_t i = first_not_below(keys, input.count, k); i < input.count && keys[i] == k; ++i) {
      const int64_t row = by_score[ranks[i]];
      const Box<T> member = load_box<T>(input.boxes, row);
      if (threshold.met_by(overlap_by(metric, member, grown.box))) grown.absorb(member, row);
    }
  }
  store_box(output.grown, input.boxes.type, k, grown.box);
  if (output.sides != nullptr) grown.write_sides(output.sides, k);
}

template <typename T>
void run_pass(const NmsInput& input, const NmsParams& params, const NmsSorted& sorted, const NmsOutput& output,
              void* memory, void* stream) {
  const NmmScratch<T> scratch(memory, input.count);
  find_first_of_all(scratch.ranked, input, params, sorted, scratch.first, output.keep, stream);
  const auto owner_kernel = find_owner<T>;
  LAUNCH(owner_kernel, blocks_for(input.count, kBlock), kBlock, stream, scratch, input.count);
  write_result(scratch.result, sorted.by_score, params.max_output, output, stream);
}

template <typename T>
void grow_all(const NmsInput& input, const NmsParams& params, const NmsSorted& sorted, const int64_t* keys,
              const int64_t* ranks, const NmmOutput& output, void* stream) {
  const auto threshold = Threshold<T>::from(params.iou_threshold, false);
  const auto grow_kernel = grow<T>;
  LAUNCH(grow_kernel, blocks_for(input.count, kBlock), kBlock, stream, input, params.metric, threshold, sorted.by_score,
         keys, ranks, output);
}

}  // namespace

size_t nmm_scratch_bytes(int64_t count) { return NmmScratch<double>(nullptr, count).bytes; }

void nmm_pass(const NmsInput& input, const NmsParams& params, const NmsSorted& sorted, const NmsOutput& output,
              void* scratch, void* stream) {
  if (input.count == 0) return;
  with_computed(input.boxes.type,
                [&](auto box) { run_pass<decltype(box)>(input, params, sorted, output, scratch, stream); });
}

void nmm_grow(const NmsInput& input, const NmsParams& params, const NmsSorted& sorted, const int64_t* keys,
              const int64_t* ranks, const NmmOutput& output, void* stream) {
  if (input.count == 0) return;
  with_computed(input.boxes.type,
                [&](auto box) { grow_all<decltype(box)>(input, params, sorted, keys, ranks, output, stream); });
}

}  // namespace ptdet::cuda

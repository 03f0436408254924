// Non-maximum merging: who belongs to whom where members hand on; then each kept box grows, one thread a kept box, by
// its members in visiting order.
#include "math/nmm.h"
#include "cuda/first_overlap.h"
#include "cuda/nms_result.h"

namespace ptdet::cuda {
namespace {

template <typename T>
struct MergingScratch {
  RankedBoxes<T> ranked;
  int64_t* first;  // [row] the first box that overlaps it, itself if none before it does, -1 if it is no candidate
  int64_t* found;  // [row] the box that it belongs to
  Result result;
  size_t bytes;

  MergingScratch(void* base, int64_t count) : MergingScratch(Layout(base), count) {}

 private:
  MergingScratch(Layout layout, int64_t count)
      : ranked(layout, count), first(layout.take<int64_t>(count)), found(layout.take<int64_t>(count)), result() {
    result.count = count;
    result.found = found;
    result.block_kept = layout.take<int64_t>(blocks_for(count, kBlock));
    result.total = layout.take<int64_t>(1);
    result.place = first;  // read no more by then
    bytes = layout.size();
  }
};

// Every box is asked in its turn, whoever has it, so who takes a box up waits for no other box. To the end of the chain
// of those that took it up.
template <typename T>
__global__ void find_owner(MergingScratch<T> scratch, int64_t count) {
  const int64_t row = thread_in_grid();
  if (row >= count) return;
  int64_t by = scratch.first[row];
  while (by >= 0 && scratch.first[by] != by) by = scratch.first[by];
  scratch.found[row] = by;
}

// `keys` ascend; `ranks` are the places in visiting order that they belong to.
template <typename T>
__global__ void grow(NmsInput input, Metric metric, Threshold<T> threshold, const int64_t* by_score,
                     const int64_t* keys, const int64_t* ranks, MergingOutput output) {
  const int64_t k = thread_in_grid();
  if (k >= input.count) return;
  const int64_t of = output.walk.keep[k];
  Grown<T> grown = Grown<T>::none();
  if (of >= 0) {
    grown = Grown<T>::from(load_box<T>(input.boxes, of), of);
    for (int64_t i = first_not_below(keys, input.count, k); i < input.count && keys[i] == k; ++i) {
      const int64_t row = by_score[ranks[i]];
      const Box<T> member = load_box<T>(input.boxes, row);
      if (threshold.met_by(overlap_by(metric, member, grown.box))) grown.take(member, row);
    }
  }
  store_box(output.grown, input.boxes.type, k, grown.box);
  if (output.sides != nullptr) grown.write_sides(output.sides, k);
}

template <typename T>
void walk(const NmsInput& input, const NmsParams& params, const NmsSorted& sorted, const NmsOutput& output,
          void* memory, void* stream) {
  const MergingScratch<T> scratch(memory, input.count);
  find_first_of_all(scratch.ranked, input, params, sorted, scratch.first, output.keep, stream);
  const auto owner_kernel = find_owner<T>;
  LAUNCH(owner_kernel, blocks_for(input.count, kBlock), kBlock, stream, scratch, input.count);
  write_result(scratch.result, sorted.by_score, params.max_output, output, stream);
}

template <typename T>
void grow_all(const NmsInput& input, const NmsParams& params, const NmsSorted& sorted, const int64_t* keys,
              const int64_t* ranks, const MergingOutput& output, void* stream) {
  const auto threshold = Threshold<T>::from(params.iou_threshold, false);
  const auto grow_kernel = grow<T>;
  LAUNCH(grow_kernel, blocks_for(input.count, kBlock), kBlock, stream, input, params.metric, threshold, sorted.by_score,
         keys, ranks, output);
}

}  // namespace

size_t merging_scratch_bytes(int64_t count) { return MergingScratch<double>(nullptr, count).bytes; }

void merging_walk(const NmsInput& input, const NmsParams& params, const NmsSorted& sorted, const NmsOutput& output,
                  void* scratch, void* stream) {
  if (input.count == 0) return;
  if (wide(input))
    walk<double>(input, params, sorted, output, scratch, stream);
  else
    walk<float>(input, params, sorted, output, scratch, stream);
}

void merging_grow(const NmsInput& input, const NmsParams& params, const NmsSorted& sorted, const int64_t* keys,
                  const int64_t* ranks, const MergingOutput& output, void* stream) {
  if (input.count == 0) return;
  if (wide(input))
    grow_all<double>(input, params, sorted, keys, ranks, output, stream);
  else
    grow_all<float>(input, params, sorted, keys, ranks, output, stream);
}

}  // namespace ptdet::cuda

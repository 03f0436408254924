// Non-maximum merging: the owner of each box where members propagate; then each kept box grows, one warp a kept box,
// by its members in score order.
#include "math/nmm.h"
#include "cuda/clusters.h"
#include "cuda/concurrent.h"
#include "cuda/first_overlap.h"
#include "cuda/nms_result.h"

namespace ptdet::cuda {
namespace {

template <typename T>
struct NmmScratch {
  RankedBoxes<Box<T>> ranked;
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
// the end of this chain. A thread that follows it lets each box that it passes point to the one after the next, on the
// same chain: a chain of n boxes is some 2 log2(n) steps for all its boxes at once, and one after the other some
// n log2(n) steps in any order. The best boxes, which have the short way, begin.
template <typename T>
__global__ void find_owner(NmmScratch<T> scratch, int64_t count, const int64_t* by_score) {
  const int64_t rank = thread_in_grid();
  if (rank >= count) return;
  const int64_t row = by_score[rank];
  int64_t at = row, by = load_relaxed(&scratch.first[row]);
  while (by >= 0 && by != at) {
    const int64_t next = load_relaxed(&scratch.first[by]);
    if (next == by) break;
    store_relaxed(&scratch.first[at], next);
    at = by, by = next;
  }
  scratch.found[row] = by;
}

// The box is the hull of the members that met it when their turn came. Most members lie within what it is already, and
// change nothing: of 32 at a time, one a lane, only those that do are taken one by one.
template <typename T>
__global__ void grow(NmsInput input, Metric metric, Threshold<T> threshold, const int64_t* by_score,
                     const int64_t* keys, const int64_t* ranks, NmmOutput output) {
  const auto grow_one = [&](int64_t k, int64_t of) {
    const int lane = threadIdx.x % kWarp;
    Grown<T> grown = Grown<T>::from(load_box<T>(input.boxes, of), of);
    for (int64_t first = first_not_below(keys, input.count, k); first < input.count && keys[first] == k;
         first += kWarp) {
      const bool is_member = first + lane < input.count && keys[first + lane] == k;
      const int64_t row = is_member ? by_score[ranks[first + lane]] : of;
      const Box<T> member = load_box<T>(input.boxes, row);
      uint32_t left = __ballot_sync(kAllLanes, is_member);
      while (left != 0) {
        Grown<T> after = grown;
        after.absorb(member, row);
        const bool changes =
            (after.x1 != grown.x1) | (after.y1 != grown.y1) | (after.x2 != grown.x2) | (after.y2 != grown.y2);
        const bool grows = (left >> lane & 1) && changes && threshold.met_by(overlap_by(metric, member, grown.box));
        const uint32_t growing = __ballot_sync(kAllLanes, grows);
        if (growing == 0) break;
        const int source = __ffs(static_cast<int>(growing)) - 1;
        grown.absorb(box_of_lane(member, source), __shfl_sync(kAllLanes, row, source));
        left &= kAllLanes << source << 1;
      }
    }
    if (lane != 0) return;
    store_box(output.grown, input.boxes.type, k, grown.box);
    if (output.sides != nullptr) grown.write_sides(output.sides, k);
  };
  const Grown<T> none = Grown<T>::none();
  each_kept(input.count, output.pass.keep, grow_one, [&](int64_t k) {
    store_box(output.grown, input.boxes.type, k, none.box);
    if (output.sides != nullptr) none.write_sides(output.sides, k);
  });
}

template <typename T>
void run_pass(const NmsInput& input, const NmsParams& params, const NmsSorted& sorted, const NmsOutput& output,
              void* memory, void* stream) {
  const NmmScratch<T> scratch(memory, input.count);
  find_first_of_all(scratch.ranked, input.boxes, input, params, sorted, scratch.first, output.keep, stream);
  const auto owner_kernel = find_owner<T>;
  LAUNCH(owner_kernel, blocks_for(input.count, kBlock), kBlock, stream, scratch, input.count, sorted.by_score);
  write_result(scratch.result, sorted.by_score, params.max_output, output, stream);
}

template <typename T>
void grow_all(const NmsInput& input, const NmsParams& params, const NmsSorted& sorted, const int64_t* keys,
              const int64_t* ranks, const NmmOutput& output, void* stream) {
  const auto threshold = Threshold<T>::from(params.iou_threshold, false);
  const auto grow_kernel = grow<T>;
  LAUNCH(grow_kernel, cluster_blocks(input.count), kBlock, stream, input, params.metric, threshold, sorted.by_score,
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

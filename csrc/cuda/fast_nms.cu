// Fast NMS: one look at all better boxes, none of which waits for another; then the result as that of hard NMS.
#include "cuda/first_overlap.h"
#include "cuda/nms_result.h"

namespace ptdet::cuda {
namespace {

template <typename T>
struct FastScratch {
  RankedBoxes<T> ranked;
  int64_t* found;  // [row] the row that removes it, itself if none does, -1 if it is no candidate
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
void run(const NmsInput& input, const NmsParams& params, const NmsSorted& sorted, const NmsOutput& output, void* memory,
         void* stream) {
  const FastScratch<T> scratch(memory, input.count);
  find_first_of_all(scratch.ranked, input, params, sorted, scratch.found, output.keep, stream);
  write_result(scratch.result, sorted.by_score, params.max_output, output, stream);
}

}  // namespace

size_t fast_scratch_bytes(int64_t count) { return FastScratch<double>(nullptr, count).bytes; }

void fast_nms(const NmsInput& input, const NmsParams& params, const NmsSorted& sorted, const NmsOutput& output,
              void* scratch, void* stream) {
  if (input.count == 0) return;
  with_computed(input.boxes.type,
                [&](auto box) { run<decltype(box)>(input, params, sorted, output, scratch, stream); });
}

}  // namespace ptdet::cuda

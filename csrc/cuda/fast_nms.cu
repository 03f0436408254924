// Fast NMS: one look at all better boxes, none of which waits for another; then the result as that of hard NMS.
#include "cuda/first_overlap.h"
#include "cuda/nms_result.h"
#include "cuda/rotated_tile.h"

namespace ptdet::cuda {
namespace {

using Rotated = RotatedBox<double>;

template <typename Shape>
struct FastScratch {
  RankedBoxes<Shape> ranked;
  int64_t* found;  // [row] the row that removes it, itself if none does, -1 if it is no candidate
  Result result;
  AlignedRotatedBox* shapes = nullptr;  // [row] of rotated boxes
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
    if (kIsRotated<Shape>) shapes = layout.take<AlignedRotatedBox>(count);
    bytes = layout.size();
  }
};

template <typename Shape>
void run(const NmsInput& input, const NmsParams& params, const NmsSorted& sorted, const NmsOutput& output, void* memory,
         void* stream) {
  const FastScratch<Shape> scratch(memory, input.count);
  const auto find = [&](const auto& source) {
    find_first_of_all(scratch.ranked, source, input, params, sorted, scratch.found, output.keep, stream);
  };
  if constexpr (kIsRotated<Shape>) {
    turn_all(input, scratch.shapes, stream);
    find(scratch.shapes);
  } else {
    find(input.boxes);
  }
  write_result(scratch.result, sorted.by_score, params.max_output, output, stream);
}

}  // namespace

size_t fast_scratch_bytes(const NmsInput& input) {
  return input.numbers == 5 ? FastScratch<Rotated>(nullptr, input.count).bytes
                            : FastScratch<Box<double>>(nullptr, input.count).bytes;
}

void fast_nms(const NmsInput& input, const NmsParams& params, const NmsSorted& sorted, const NmsOutput& output,
              void* scratch, void* stream) {
  if (input.count == 0) return;
  if (input.numbers == 5) return run<Rotated>(input, params, sorted, output, scratch, stream);
  with_computed(input.boxes.type,
                [&](auto number) { run<Box<decltype(number)>>(input, params, sorted, output, scratch, stream); });
}

}  // namespace ptdet::cuda

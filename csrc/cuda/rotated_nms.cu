// Hard NMS of rotated boxes: the pass over tiles of nms.cu on another shape. Each box is turned once, before it.
#include "cuda/rotated_tile.h"
#include "cuda/nms_pass.h"
#include "api/dispatch.h"

namespace ptdet::cuda {
namespace {

using Shape = RotatedBox<double>;

struct Scratch : PassScratch<Shape> {
  AlignedRotatedBox* shapes;
  size_t bytes;

  Scratch(Layout layout, int64_t count)
      : PassScratch<Shape>(layout, count), shapes(layout.take<AlignedRotatedBox>(count)), bytes(layout.size()) {
    pass.boxes = shapes;
  }
};

}  // namespace

size_t rotated_nms_scratch_bytes(int64_t count) { return Scratch(Layout(nullptr), count).bytes; }

void rotated_nms(const NmsInput& input, const NmsParams& params, const NmsSorted& sorted, const NmsOutput& output,
                 void* memory, void* stream) {
  if (input.count == 0) return;
  Scratch scratch(Layout(memory), input.count);
  turn_all(input, scratch.shapes, stream);
  scratch.begin(input, params, sorted, output, stream);
  const auto threshold = Threshold<double>::from(params.iou_threshold, params.inclusive, params.beta);
  with_rotated_suppression(params, [&](auto measure) { scratch.run<decltype(measure)>(threshold, stream); });
  write_result(scratch.result, sorted.by_score, params.max_output, output, stream);
}

}  // namespace ptdet::cuda

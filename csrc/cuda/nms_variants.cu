// AND: of the boxes that hard NMS selects, those that a box then alive confirms. Works on the finished pass.
#include "cuda/methods.h"
#include "cuda/scan.h"

namespace ptdet::cuda {
namespace {

constexpr int kSelectBlock = 1024;

struct AndScratch {
  int64_t* place;       // [row of a selected box] how many are selected before it
  uint32_t* confirmed;  // [place]
  int64_t* end;         // (1) boxes selected from this place on are not reached
  size_t bytes;

  AndScratch(void* base, int64_t count) {
    Layout layout(base);
    place = layout.take<int64_t>(count);
    confirmed = layout.take<uint32_t>(count);
    end = layout.take<int64_t>(1);
    bytes = layout.size();
  }
};

__global__ void write_places(int64_t count, const int64_t* keep, AndScratch scratch) {
  const int64_t k = thread_in_grid();
  if (k >= count) return;
  scratch.confirmed[k] = 0;
  if (keep[k] >= 0) scratch.place[keep[k]] = k;
}

// Each candidate was alive until its owner was selected: it may confirm that one and, if `all`, those before.
template <typename T>
__global__ void confirm(NmsInput input, Metric metric, Threshold<T> threshold, bool all, const int64_t* keep,
                        const int64_t* owner, AndScratch scratch) {
  const int64_t row = thread_in_grid();
  if (row >= input.count || owner[row] < 0) return;
  const Box<T> own = load_box<T>(input.boxes, row);
  const int64_t last = scratch.place[owner[row]];
  for (int64_t k = all ? 0 : last; k <= last; ++k) {
    const int64_t selected = keep[k];
    if (selected == row || (k < last && !same_group(input.groups, selected, row))) continue;
    if (threshold.met_by(overlap_by(metric, own, load_box<T>(input.boxes, selected))))
      atomicOr(&scratch.confirmed[k], uint32_t(1));
  }
}

// One block moves the confirmed to the front of keep, kSelectBlock at a time: what it writes it has read before.
__global__ void __launch_bounds__(kSelectBlock)
    select(int64_t count, int64_t max_output, int64_t* keep, int64_t* kept, AndScratch scratch) {
  SHARED_ARRAY(int, warp_counts, kMaxWarps);
  const int own = threadIdx.x;
  int64_t before = 0;
  if (own == 0) *scratch.end = 0;
  __syncthreads();
  for (int64_t first = 0; first < count; first += kSelectBlock) {
    const int64_t k = first + own, row = k < count ? keep[k] : -1;
    const bool chosen = row >= 0 && scratch.confirmed[k] != 0;
    int total;
    const int64_t to = before + rank_in_block(chosen, warp_counts, &total);
    __syncthreads();  // all have read keep and the counts
    if (k < count) keep[k] = -1;
    __syncthreads();
    if (chosen && to < max_output) keep[to] = row;
    if (chosen && to == max_output - 1) *scratch.end = k + 1;
    before += total;
    __syncthreads();  // the next tile reads keep
  }
  if (own == 0 && before <= max_output) *scratch.end = count;  // nothing is cut off
  if (own == 0 && *kept != kGroupIsNan) *kept = before < max_output ? before : max_output;
}

__global__ void cut_owner(int64_t count, int64_t* owner, AndScratch scratch) {
  const int64_t row = thread_in_grid();
  if (row >= count) return;
  if (owner[row] >= 0 && scratch.place[owner[row]] >= *scratch.end) owner[row] = -1;
}

template <typename T>
void run(const NmsInput& input, const AndParams& params, const NmsOutput& output, void* memory, void* stream) {
  const AndScratch scratch(memory, input.count);
  const int64_t blocks = blocks_for(input.count, kBlock), max_output = params.pass.max_output;
  LAUNCH(write_places, blocks, kBlock, stream, input.count, output.keep, scratch);
  const auto confirm_kernel = confirm<T>;
  const auto threshold = Threshold<T>::from(params.overlap_threshold, false);
  LAUNCH(confirm_kernel, blocks, kBlock, stream, input, params.pass.metric, threshold,
         params.overlap_threshold < params.pass.iou_threshold, output.keep, output.owner, scratch);
  LAUNCH(select, 1, kSelectBlock, stream, input.count, max_output, output.keep, output.kept, scratch);
  LAUNCH(cut_owner, blocks, kBlock, stream, input.count, output.owner, scratch);
}

}  // namespace

size_t and_scratch_bytes(int64_t count) { return AndScratch(nullptr, count).bytes; }

void and_nms(const NmsInput& input, const AndParams& params, const NmsOutput& output, void* scratch, void* stream) {
  if (input.count == 0) return;
  with_computed(input.boxes.type, [&](auto box) { run<decltype(box)>(input, params, output, scratch, stream); });
}

}  // namespace ptdet::cuda

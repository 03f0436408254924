// AND: of the boxes that hard NMS selects, those that a box then alive confirms. Works on the finished pass.
// Adaptive: a pass of its own, one block a group, in which the threshold of a selected box rises with its density.
#include "cuda/block_per_group.h"
#include "cuda/methods.h"
#include "cuda/nms_result.h"

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

struct AdaptiveScratch {
  Segments segments;
  int64_t* found;  // [row] the box that removed it, itself if none has, -1 if it is no candidate
  Result result;
  size_t bytes;

  AdaptiveScratch(void* base, int64_t count) : AdaptiveScratch(Layout(base), count) {}

 private:
  AdaptiveScratch(Layout layout, int64_t count)
      : segments(layout, count), found(layout.take<int64_t>(count)), result() {
    result.count = count;
    result.found = found;
    result.block_kept = layout.take<int64_t>(blocks_for(count, kBlock));
    result.total = layout.take<int64_t>(1);
    result.place = layout.take<int64_t>(count);
    bytes = layout.size();
  }
};

__global__ void start(AdaptiveInput input, NmsSorted sorted, const int64_t* rows, Keys keys, NmsOutput output,
                      AdaptiveScratch scratch) {
  const int64_t position = thread_in_grid();
  if (position >= input.pass.count) return;
  const int64_t row = rows[position];
  scratch.found[row] = keys.is_candidate(row) ? row : -1;
  output.keep[position] = -1;
  const double density = load<double>(input.densities, row);
  if (density != density) atomicMin(reinterpret_cast<long long*>(output.kept), static_cast<long long>(kNumberIsNan));
  scratch.segments.find(sorted.groups, rows, keys, position, input.pass.count);
}

// A box's turn comes when all before it have had theirs: what is still its own then is selected.
template <typename T>
__global__ void __launch_bounds__(kGroupBlock, 1)
    remove_by_density(AdaptiveInput input, NmsParams params, const int64_t* rows, AdaptiveScratch scratch) {
  const int64_t segments = static_cast<int64_t>(*scratch.segments.found);
  for (int64_t i = blockIdx.x; i < segments; i += gridDim.x) {
    const int64_t first = scratch.segments.starts[i], end = scratch.segments.ends[first];
    for (int64_t position = first; position < end; ++position) {
      const int64_t selected = rows[position];
      if (scratch.found[selected] != selected) continue;  // for all threads of the block alike
      const Box<T> box = load_box<T>(input.pass.boxes, selected);
      const double threshold = adaptive_threshold(params.iou_threshold, load<double>(input.densities, selected));
      for (int64_t at = position + 1 + threadIdx.x; at < end; at += kGroupBlock) {
        const int64_t row = rows[at];
        if (scratch.found[row] != row) continue;
        if (meets(overlap_by(params.metric, load_box<T>(input.pass.boxes, row), box), threshold, params.inclusive))
          scratch.found[row] = selected;
      }
      __syncthreads();
    }
  }
}

template <typename T>
void run(const AdaptiveInput& input, const NmsParams& params, const NmsSorted& sorted, const NmsOutput& output,
         void* memory, void* stream) {
  const int64_t count = input.pass.count;
  const AdaptiveScratch scratch(memory, count);
  const int64_t* rows = sorted.by_group ? sorted.by_group : sorted.by_score;
  LAUNCH(clear, 1, 1, stream, scratch.segments.found);
  LAUNCH(start, blocks_for(count, kBlock), kBlock, stream, input, sorted, rows,
         Keys{sorted.keys, input.pass.scores.type == Type::kFloat64}, output, scratch);
  const auto kernel = remove_by_density<T>;
  LAUNCH(kernel, group_blocks(sorted.groups, count), kGroupBlock, stream, input, params, rows, scratch);
  write_result(scratch.result, sorted.by_score, params.max_output, output, stream);
}

}  // namespace

size_t adaptive_scratch_bytes(int64_t count) { return AdaptiveScratch(nullptr, count).bytes; }

void adaptive_nms(const AdaptiveInput& input, const NmsParams& params, const NmsSorted& sorted, const NmsOutput& output,
                  void* scratch, void* stream) {
  if (input.pass.count == 0) return;
  with_computed(input.pass.boxes.type,
                [&](auto box) { run<decltype(box)>(input, params, sorted, output, scratch, stream); });
}

size_t and_scratch_bytes(int64_t count) { return AndScratch(nullptr, count).bytes; }

void and_nms(const NmsInput& input, const AndParams& params, const NmsOutput& output, void* scratch, void* stream) {
  if (input.count == 0) return;
  with_computed(input.boxes.type, [&](auto box) { run<decltype(box)>(input, params, output, scratch, stream); });
}

}  // namespace ptdet::cuda

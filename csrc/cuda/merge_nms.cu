// Merge: which kept box each box is a member of, then the mean of each, one thread a kept box, in score order. No sum
// runs over threads, so no order but that one shows.
#include "math/box_fusion.h"
#include "cuda/methods.h"

namespace ptdet::cuda {
namespace {

struct MergeScratch {
  int64_t* place;  // [row of a kept box] its place in keep
  int64_t* rank;   // [row] its place in score order
  size_t bytes;

  MergeScratch(void* base, int64_t count) {
    Layout layout(base);
    place = layout.take<int64_t>(count);
    rank = layout.take<int64_t>(count);
    bytes = layout.size();
  }
};

__global__ void write_places(int64_t count, const int64_t* keep, const int64_t* by_score, MergeScratch scratch) {
  const int64_t k = thread_in_grid();
  if (k >= count) return;
  scratch.rank[by_score[k]] = k;
  if (keep[k] >= 0) scratch.place[keep[k]] = k;
}

// A removed box goes to the kept box before it that it overlaps most, the first of equals.
template <typename T>
__global__ void join_best(NmsInput input, Metric metric, Threshold<T> threshold, const int64_t* keep, int64_t* owner,
                          MergeScratch scratch) {
  const int64_t row = thread_in_grid();
  if (row >= input.count || owner[row] < 0 || owner[row] == row) return;
  const Box<T> own = load_box<T>(input.boxes, row);
  T most = -T(INFINITY);
  int64_t best = owner[row];
  for (int64_t k = 0; k < input.count && keep[k] >= 0 && scratch.rank[keep[k]] < scratch.rank[row]; ++k) {
    if (!same_group(input.groups, keep[k], row)) continue;
    const T overlap = overlap_by(metric, own, load_box<T>(input.boxes, keep[k]));
    if (!threshold.met_by(overlap) || !(overlap > most)) continue;
    most = overlap, best = keep[k];
  }
  owner[row] = best;
}

__global__ void cut_owner(int64_t count, int64_t max_output, int64_t* owner, MergeScratch scratch) {
  const int64_t row = thread_in_grid();
  if (row < count && owner[row] >= 0 && scratch.place[owner[row]] >= max_output) owner[row] = -1;
}

__global__ void cut_keep(int64_t count, int64_t max_output, int64_t* keep, int64_t* kept) {
  const int64_t k = thread_in_grid();
  if (k == 0 && *kept > max_output) *kept = max_output;
  if (k < count && k >= max_output) keep[k] = -1;
}

// keys[r]: the place of the kept box that the r-th box is a member of; count if of none.
__global__ void write_clusters(int64_t count, const int64_t* by_score, const int64_t* owner, int64_t* keys,
                               MergeScratch scratch) {
  const int64_t rank = thread_in_grid();
  if (rank >= count) return;
  const int64_t by = owner[by_score[rank]];
  keys[rank] = by < 0 ? count : scratch.place[by];
}

template <typename T>
__device__ void add(WeightedMean<T>& mean, const NmsInput& input, const MergeParams& params, int64_t row,
                    const Box<T>& box, int64_t of, const Box<T>& kept) {
  const T score = load<T>(input.scores, row);
  const bool by_overlap = params.by_overlap && row != of;
  mean.add(box, score, by_overlap ? overlap_by(params.pass.metric, box, kept) : T(1));
}

// `keys` ascend; `ranks` are the places in score order that they belong to.
template <typename T>
__global__ void mean_of_cluster(NmsInput input, MergeParams params, const int64_t* by_score, const int64_t* keys,
                                const int64_t* ranks, const int64_t* keep, void* merged) {
  const int64_t k = thread_in_grid();
  if (k >= input.count) return;
  const int64_t of = keep[k];
  Box<T> result{T(0), T(0), T(0), T(0)};
  if (of >= 0) {
    const Box<T> kept = load_box<T>(input.boxes, of);
    WeightedMean<T> mean;
    for (int64_t i = first_not_below(keys, input.count, k); i < input.count && keys[i] == k; ++i) {
      const int64_t row = by_score[ranks[i]];
      const Box<T> box = load_box<T>(input.boxes, row);
      add(mean, input, params, row, box, of, kept);
    }
    result = mean.or_else(kept);
  }
  store_box(merged, input.boxes.type, k, result);
}

template <typename T>
__global__ void mean_of_overlapping(NmsInput input, MergeParams params, Threshold<T> threshold, Keys keys,
                                    const int64_t* by_score, const int64_t* keep, void* merged, MergeScratch scratch) {
  const int64_t k = thread_in_grid();
  if (k >= input.count) return;
  const int64_t of = keep[k];
  Box<T> result{T(0), T(0), T(0), T(0)};
  if (of >= 0) {
    const Box<T> kept = load_box<T>(input.boxes, of);
    WeightedMean<T> mean;
    for (int64_t r = params.members == Members::kLater ? scratch.rank[of] : 0; r < input.count; ++r) {
      const int64_t row = by_score[r];
      if (!keys.is_candidate(row)) break;
      if (!same_group(input.groups, of, row)) continue;
      const Box<T> box = load_box<T>(input.boxes, row);
      if (row == of || threshold.met_by(overlap_by(params.pass.metric, box, kept)))
        add(mean, input, params, row, box, of, kept);
    }
    result = mean.or_else(kept);
  }
  store_box(merged, input.boxes.type, k, result);
}

template <typename T>
void clusters(const NmsInput& input, const MergeParams& params, const NmsSorted& sorted, const NmsOutput& output,
              int64_t* keys, void* memory, void* stream) {
  const MergeScratch scratch(memory, input.count);
  const int64_t blocks = blocks_for(input.count, kBlock), max_output = params.pass.max_output;
  LAUNCH(write_places, blocks, kBlock, stream, input.count, output.keep, sorted.by_score, scratch);
  if (params.members == Members::kBest) {
    const auto join_kernel = join_best<T>;
    const auto threshold = Threshold<T>::from(params.pass.iou_threshold, params.pass.inclusive);
    LAUNCH(join_kernel, blocks, kBlock, stream, input, params.pass.metric, threshold, output.keep, output.owner,
           scratch);
    LAUNCH(cut_owner, blocks, kBlock, stream, input.count, max_output, output.owner, scratch);
    LAUNCH(cut_keep, blocks, kBlock, stream, input.count, max_output, output.keep, output.kept);
  }
  LAUNCH(write_clusters, blocks, kBlock, stream, input.count, sorted.by_score, output.owner, keys, scratch);
}

template <typename T>
void means(const NmsInput& input, const MergeParams& params, const NmsSorted& sorted, const int64_t* keys,
           const int64_t* ranks, const MergeOutput& output, void* memory, void* stream) {
  const MergeScratch scratch(memory, input.count);
  const int64_t blocks = blocks_for(input.count, kBlock);
  if (params.members == Members::kCluster || params.members == Members::kBest) {
    const auto mean_kernel = mean_of_cluster<T>;
    LAUNCH(mean_kernel, blocks, kBlock, stream, input, params, sorted.by_score, keys, ranks, output.pass.keep,
           output.merged);
    return;
  }
  const auto mean_kernel = mean_of_overlapping<T>;
  const auto threshold = Threshold<T>::from(params.pass.iou_threshold, params.pass.inclusive);
  const Keys candidates{sorted.keys, input.scores.type == Type::kFloat64};
  LAUNCH(mean_kernel, blocks, kBlock, stream, input, params, threshold, candidates, sorted.by_score, output.pass.keep,
         output.merged, scratch);
}

}  // namespace

size_t merge_scratch_bytes(int64_t count) { return MergeScratch(nullptr, count).bytes; }

void merge_clusters(const NmsInput& input, const MergeParams& params, const NmsSorted& sorted, const NmsOutput& output,
                    int64_t* keys, void* scratch, void* stream) {
  if (input.count == 0) return;
  with_computed(input.boxes.type,
                [&](auto box) { clusters<decltype(box)>(input, params, sorted, output, keys, scratch, stream); });
}

void merge_means(const NmsInput& input, const MergeParams& params, const NmsSorted& sorted, const int64_t* keys,
                 const int64_t* ranks, const MergeOutput& output, void* scratch, void* stream) {
  if (input.count == 0) return;
  with_computed(input.boxes.type,
                [&](auto box) { means<decltype(box)>(input, params, sorted, keys, ranks, output, scratch, stream); });
}

}  // namespace ptdet::cuda

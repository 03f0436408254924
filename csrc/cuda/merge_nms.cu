// Merge: which kept box each box is a member of, then the mean of each, one warp a kept box: its lanes fetch 32 boxes
// at once, and every lane adds them in score order. No sum runs over threads, so no order but that one shows.
#include "math/box_fusion.h"
#include "cuda/clusters.h"

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

// A removed box goes to the kept box before it that it overlaps most, the first of equals; one warp a removed box.
template <typename T>
__global__ void join_best(NmsInput input, Metric metric, Threshold<T> threshold, const int64_t* keep, int64_t* owner,
                          MergeScratch scratch) {
  const int lane = threadIdx.x % kWarp;
  const int64_t warps = static_cast<int64_t>(gridDim.x) * blockDim.x / kWarp;
  for (int64_t row = thread_in_grid() / kWarp; row < input.count; row += warps) {
    if (owner[row] < 0 || owner[row] == row) continue;
    const Box<T> own = load_box<T>(input.boxes, row);
    T most = -T(INFINITY);
    int64_t best = input.count;  // its place in keep
    uint32_t before = kAllLanes;
    for (int64_t k = lane; before == kAllLanes; k += kWarp) {
      const int64_t of = k < input.count ? keep[k] : -1;
      const bool is_before = of >= 0 && scratch.rank[of] < scratch.rank[row];
      before = __ballot_sync(kAllLanes, is_before);  // those that are not come last
      if (!is_before || !same_group(input.groups, of, row)) continue;
      const T overlap = overlap_by(metric, own, load_box<T>(input.boxes, of));
      if (!threshold.met_by(overlap) || !(overlap > most)) continue;
      most = overlap, best = k;
    }
    for (int step = kWarp / 2; step > 0; step /= 2) {
      const T overlap = __shfl_sync(kAllLanes, most, lane ^ step);
      const int64_t k = __shfl_sync(kAllLanes, best, lane ^ step);
      if (overlap > most || (overlap == most && k < best)) most = overlap, best = k;
    }
    __syncwarp(kAllLanes);  // all have read the owner
    if (lane == 0 && best < input.count) owner[row] = keep[best];
  }
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

// Adds the boxes of those lanes that have a member, in the order of the lanes. All lanes of the warp call it.
template <typename T>
__device__ void add_members(WeightedMean<T>& mean, const NmsInput& input, const MergeParams& params, bool is_member,
                            int64_t row, const Box<T>& box, int64_t of, const Box<T>& kept) {
  const T score = is_member ? load<T>(input.scores, row) : T(0);
  const bool by_overlap = params.by_overlap && row != of;
  const T times = is_member && by_overlap ? overlap_by(params.pass.metric, box, kept) : T(1);
  for (uint32_t members = __ballot_sync(kAllLanes, is_member); members != 0; members &= members - 1) {
    const int lane = __ffs(static_cast<int>(members)) - 1;
    mean.add(box_of_lane(box, lane), __shfl_sync(kAllLanes, score, lane), __shfl_sync(kAllLanes, times, lane));
  }
}

// `keys` ascend; `ranks` are the places in score order that they belong to.
template <typename T>
__global__ void mean_of_cluster(NmsInput input, MergeParams params, const int64_t* by_score, const int64_t* keys,
                                const int64_t* ranks, const int64_t* keep, void* merged) {
  const auto mean_of_one = [&](int64_t k, int64_t of) {
    const int lane = threadIdx.x % kWarp;
    const Box<T> kept = load_box<T>(input.boxes, of);
    WeightedMean<T> mean;
    for (int64_t first = first_not_below(keys, input.count, k); first < input.count && keys[first] == k;
         first += kWarp) {
      const bool is_member = first + lane < input.count && keys[first + lane] == k;
      const int64_t row = is_member ? by_score[ranks[first + lane]] : of;
      add_members(mean, input, params, is_member, row, load_box<T>(input.boxes, row), of, kept);
    }
    const Box<T> result = mean.or_else(kept);
    if (lane == 0) store_box(merged, input.boxes.type, k, result);
  };
  each_kept(input.count, keep, mean_of_one, [&](int64_t k) { store_box(merged, input.boxes.type, k, Box<T>{}); });
}

template <typename T>
__global__ void mean_of_overlapping(NmsInput input, MergeParams params, Threshold<T> threshold, Keys keys,
                                    const int64_t* by_score, const int64_t* keep, void* merged, MergeScratch scratch) {
  const auto mean_of_one = [&](int64_t k, int64_t of) {
    const int lane = threadIdx.x % kWarp;
    const Box<T> kept = load_box<T>(input.boxes, of);
    WeightedMean<T> mean;
    const int64_t from = params.members == Members::kLater ? scratch.rank[of] : 0;
    for (int64_t first = from, candidates = kAllLanes; candidates == kAllLanes; first += kWarp) {
      const int64_t row = first + lane < input.count ? by_score[first + lane] : -1;
      const bool is_candidate = row >= 0 && keys.is_candidate(row);
      candidates = __ballot_sync(kAllLanes, is_candidate);  // those that are none come last
      const bool takes_part = is_candidate && same_group(input.groups, of, row);
      const Box<T> box = takes_part ? load_box<T>(input.boxes, row) : kept;
      const bool is_member = takes_part && (row == of || threshold.met_by(overlap_by(params.pass.metric, box, kept)));
      add_members(mean, input, params, is_member, row, box, of, kept);
    }
    const Box<T> result = mean.or_else(kept);
    if (lane == 0) store_box(merged, input.boxes.type, k, result);
  };
  each_kept(input.count, keep, mean_of_one, [&](int64_t k) { store_box(merged, input.boxes.type, k, Box<T>{}); });
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
    LAUNCH(join_kernel, cluster_blocks(input.count), kBlock, stream, input, params.pass.metric, threshold, output.keep,
           output.owner, scratch);
    LAUNCH(cut_owner, blocks, kBlock, stream, input.count, max_output, output.owner, scratch);
    LAUNCH(cut_keep, blocks, kBlock, stream, input.count, max_output, output.keep, output.kept);
  }
  LAUNCH(write_clusters, blocks, kBlock, stream, input.count, sorted.by_score, output.owner, keys, scratch);
}

template <typename T>
void means(const NmsInput& input, const MergeParams& params, const NmsSorted& sorted, const int64_t* keys,
           const int64_t* ranks, const MergeOutput& output, void* memory, void* stream) {
  const MergeScratch scratch(memory, input.count);
  const int64_t blocks = cluster_blocks(input.count);
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

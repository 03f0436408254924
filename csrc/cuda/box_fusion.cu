// Weighted boxes fusion: one block a group, a box at a time. Each thread looks after every kGroupBlock-th fused box and
// asks the new box's overlap with it; the block agrees on the largest. A fused box is written and read by one thread.
#include "cuda/block_per_group.h"
#include "cuda/methods.h"

namespace ptdet::cuda {
namespace {

// Which model a row is of, and what it weighs.
struct Models {
  Column of_row, weights;
  int64_t count;

  explicit Models(const WbfInput& input) : of_row(input.models), weights(input.weights), count(input.model_count) {}
  __device__ int64_t of(int64_t row) const { return of_row.data ? load<int64_t>(of_row, row) : 0; }
  __device__ bool knows(int64_t model) const { return model >= 0 && model < count; }
  template <typename T>
  __device__ T weight(int64_t model) const {
    return weights.data && knows(model) ? load<T>(weights, model) : T(1);
  }
};

template <typename T>
struct FusionPass {
  int64_t count;
  const int64_t* rows;     // [position]
  int64_t* joined;         // [position] its fused box, -1: no candidate
  int64_t* next;           // [position] another member of its fused box, -1: none is left
  T* scores;               // [position] weighted
  Box<T>* boxes;           // [position]
  Segments segments;       // a segment's fused boxes lie one after the other from its first position on
  Box<T>* fused;           // [fused box]
  Fused<T>* sums;          // [fused box]
  int64_t* founders;       // [fused box] position
  int64_t* members;        // [fused box] the latest, which leads to all others
  int64_t* places;         // [fused box] in the result
  T* confidences;          // [fused box]
  int64_t* founded;        // [row] the fused box it founded, else -1
  ModelWeights<T>* model;  // (1)
  size_t bytes;

  FusionPass(void* base, int64_t n) : FusionPass(Layout(base), n) {}

 private:
  FusionPass(Layout layout, int64_t n)
      : count(n),
        rows(nullptr),
        joined(layout.take<int64_t>(n)),
        next(layout.take<int64_t>(n)),
        scores(layout.take<T>(n)),
        boxes(layout.take<Box<T>>(n)),
        segments(layout, n),
        fused(layout.take<Box<T>>(n)),
        sums(layout.take<Fused<T>>(n)),
        founders(layout.take<int64_t>(n)),
        members(layout.take<int64_t>(n)),
        places(layout.take<int64_t>(n)),
        confidences(layout.take<T>(n)),
        founded(layout.take<int64_t>(n)),
        model(layout.take<ModelWeights<T>>(1)),
        bytes(layout.size()) {}
};

template <typename T>
__device__ T weighted_score(const NmsInput& input, const Models& models, int64_t row) {
  return load<T>(input.scores, row) * models.weight<T>(models.of(row));
}

// The threshold looks at the score as given.
template <typename T, typename Score>
__global__ void write_weighted_keys(NmsInput input, Models models, bool limited, Score bound, SortKey<T>* keys,
                                    int64_t* kept) {
  const int64_t row = thread_in_grid();
  if (row >= input.count) return;
  const bool candidate = !limited || load<Score>(input.scores, row) > bound;
  keys[row] = candidate ? sort_key(weighted_score<T>(input, models, row)) : no_candidate_key<SortKey<T>>();
  if (!models.knows(models.of(row)))
    atomicMin(reinterpret_cast<long long*>(kept), static_cast<long long>(kModelIsUnknown));
}

// By one thread, in the order of the models.
template <typename T>
__global__ void weigh_models(Models models, ModelWeights<T>* result) {
  T sum = T(0), largest = models.weight<T>(0);
  for (int64_t m = 0; m < models.count; ++m) {
    const T weight = models.weight<T>(m);
    sum = sum + weight;
    largest = largest < weight ? weight : largest;
  }
  *result = {models.count, sum, largest};
}

template <typename T>
__global__ void prepare(FusionPass<T> pass, NmsInput input, Models models, const int64_t* groups, Keys keys) {
  const int64_t position = thread_in_grid();
  if (position >= pass.count) return;
  const int64_t row = pass.rows[position];
  pass.scores[position] = weighted_score<T>(input, models, row);
  pass.boxes[position] = load_box<T>(input.boxes, row);
  pass.joined[position] = -1;
  pass.segments.find(groups, pass.rows, keys, position, pass.count);
}

// The largest overlap of some fused boxes, the first of equals.
template <typename T>
struct Closest {
  T overlap;
  int64_t at;  // -1: none

  __device__ void take(const Closest& other) {
    if (other.at < 0) return;
    if (at < 0 || other.overlap > overlap || (other.overlap == overlap && other.at < at)) *this = other;
  }
};

template <typename T>
__device__ void fuse_segment(const FusionPass<T>& pass, const Models& models, Metric metric,
                             const Threshold<T>& threshold, int64_t start) {
  SHARED_ARRAY(Closest<T>, closest, kGroupBlock);
  const int64_t end = pass.segments.ends[start];
  int64_t found = start;  // the end of the fused boxes
  for (int64_t position = start; position < end; ++position) {
    const Box<T> box = pass.boxes[position];
    Closest<T> mine{T(0), -1};
    for (int64_t at = start + threadIdx.x; at < found; at += kGroupBlock) {
      const T overlap = overlap_by(metric, box, pass.fused[at]);
      if (threshold.met_by(overlap)) mine.take({overlap, at});
    }
    const bool joins = __syncthreads_or(mine.at >= 0);
    const int64_t at = joins ? best_in_block(mine, closest).at : found;
    if (!joins) ++found;
    if ((at - start) % kGroupBlock != threadIdx.x) continue;
    if (!joins) {
      pass.sums[at] = {};
      pass.founders[at] = position;
      pass.members[at] = -1;
    }
    pass.sums[at].add(box, pass.scores[position], models.weight<T>(models.of(pass.rows[position])), pass.fused[at]);
    pass.next[position] = pass.members[at];
    pass.members[at] = position;
    pass.joined[position] = at;
  }
}

template <typename T>
__global__ void __launch_bounds__(kGroupBlock, 1)
    fuse_segments(FusionPass<T> pass, Models models, Metric metric, Threshold<T> threshold) {
  const int64_t segments = static_cast<int64_t>(*pass.segments.found);
  for (int64_t i = blockIdx.x; i < segments; i += gridDim.x)
    fuse_segment(pass, models, metric, threshold, pass.segments.starts[i]);
}

// Over the models that have a member in a fused box, or those that have none, in their order.
template <typename T>
__device__ T sum_of_models(const FusionPass<T>& pass, const Models& models, int64_t at, bool present) {
  T sum = T(0);
  for (int64_t from = 0, seen; from < models.count; from = seen + 1) {
    seen = models.count;  // the first model from there on that has a member
    for (int64_t position = pass.members[at]; position >= 0; position = pass.next[position]) {
      const int64_t model = models.of(pass.rows[position]);
      if (model >= from && model < seen) seen = model;
    }
    for (int64_t m = from; !present && m < seen; ++m) sum = sum + models.weight<T>(m);
    if (present && seen < models.count) sum = sum + models.weight<T>(seen);
  }
  return sum;
}

template <typename T>
__global__ void write_keys(FusionPass<T> pass, Models models, WbfParams params, SortKey<T>* keys) {
  const int64_t position = thread_in_grid();
  if (position >= pass.count) return;
  const int64_t row = pass.rows[position], at = pass.joined[position];
  const bool founder = at >= 0 && pass.founders[at] == position;
  pass.founded[row] = founder ? at : -1;
  keys[row] = no_candidate_key<SortKey<T>>();
  if (!founder) return;
  const bool by_presence =
      params.confidence == Confidence::kBoxAndModel || params.confidence == Confidence::kAbsentModelAware;
  const T counted = by_presence ? sum_of_models(pass, models, at, params.confidence == Confidence::kBoxAndModel) : T(0);
  pass.confidences[at] = fused_confidence(params, pass.sums[at], *pass.model, counted);
  keys[row] = sort_key(pass.confidences[at]);
}

template <typename T>
__global__ void write_kept(FusionPass<T> pass, NmsInput input, const int64_t* order, int64_t max_output,
                           WbfOutput output) {
  const int64_t k = thread_in_grid();
  if (k >= pass.count) return;
  const int64_t at = pass.founded[order[k]];
  const bool kept = at >= 0 && k < max_output;
  if (at >= 0) pass.places[at] = k;
  output.pass.keep[k] = kept ? order[k] : -1;
  store_box(output.fused, input.boxes.type, k, kept ? pass.fused[at] : Box<T>{T(0), T(0), T(0), T(0)});
  store(output.scores, input.scores.type, k, kept ? pass.confidences[at] : T(0));
  const bool last = at >= 0 && (k + 1 == pass.count || pass.founded[order[k + 1]] < 0);
  if (last && *output.pass.kept >= 0) *output.pass.kept = k + 1 < max_output ? k + 1 : max_output;
}

template <typename T>
__global__ void write_owner(FusionPass<T> pass, int64_t max_output, int64_t* owner) {
  const int64_t position = thread_in_grid();
  if (position >= pass.count) return;
  const int64_t at = pass.joined[position];
  owner[pass.rows[position]] = at >= 0 && pass.places[at] < max_output ? pass.rows[pass.founders[at]] : -1;
}

template <typename T, typename Score>
void keys_of(const WbfInput& input, const WbfParams& params, void* keys, int64_t* kept, void* stream) {
  const Score bound = Threshold<Score>::from(params.pass.score_threshold, false).bound;
  const auto kernel = write_weighted_keys<T, Score>;
  LAUNCH(kernel, blocks_for(input.pass.count, kBlock), kBlock, stream, input.pass, Models(input),
         params.pass.has_score_threshold, bound, static_cast<SortKey<T>*>(keys), kept);
}

template <typename T>
FusionPass<T> pass_of(const WbfInput& input, const NmsSorted& sorted, void* memory) {
  FusionPass<T> pass(memory, input.pass.count);
  pass.rows = sorted.by_group ? sorted.by_group : sorted.by_score;
  return pass;
}

template <typename T>
void fuse(const WbfInput& input, const WbfParams& params, const NmsSorted& sorted, void* keys, void* memory,
          void* stream) {
  const auto pass = pass_of<T>(input, sorted, memory);
  const Models models(input);
  const int64_t blocks = blocks_for(pass.count, kBlock);
  LAUNCH(clear, 1, 1, stream, pass.segments.found);
  const auto weigh_kernel = weigh_models<T>;
  LAUNCH(weigh_kernel, 1, 1, stream, models, pass.model);
  const auto prepare_kernel = prepare<T>;
  LAUNCH(prepare_kernel, blocks, kBlock, stream, pass, input.pass, models, sorted.groups,
         Keys{sorted.keys, sizeof(T) == 8});
  const auto fuse_kernel = fuse_segments<T>;
  LAUNCH(fuse_kernel, group_blocks(sorted.groups, pass.count), kGroupBlock, stream, pass, models, params.pass.metric,
         Threshold<T>::from(params.pass.iou_threshold, params.pass.inclusive));
  const auto keys_kernel = write_keys<T>;
  LAUNCH(keys_kernel, blocks, kBlock, stream, pass, models, params, static_cast<SortKey<T>*>(keys));
}

template <typename T>
void write(const WbfInput& input, const WbfParams& params, const NmsSorted& sorted, const int64_t* order,
           const WbfOutput& output, void* memory, void* stream) {
  const auto pass = pass_of<T>(input, sorted, memory);
  const int64_t blocks = blocks_for(pass.count, kBlock), max_output = params.pass.max_output;
  const auto kept_kernel = write_kept<T>;
  LAUNCH(kept_kernel, blocks, kBlock, stream, pass, input.pass, order, max_output, output);
  const auto owner_kernel = write_owner<T>;
  LAUNCH(owner_kernel, blocks, kBlock, stream, pass, max_output, output.pass.owner);
}

}  // namespace

void wbf_keys(const WbfInput& input, const WbfParams& params, void* keys, int64_t* kept, void* stream) {
  if (input.pass.count == 0) return;
  with_types(input.pass,
             [&](auto box, auto score) { keys_of<decltype(box), decltype(score)>(input, params, keys, kept, stream); });
}

size_t wbf_scratch_bytes(int64_t count) { return FusionPass<double>(nullptr, count).bytes; }

void wbf(const WbfInput& input, const WbfParams& params, const NmsSorted& sorted, void* keys, void* scratch,
         void* stream) {
  if (input.pass.count == 0) return;
  with_computed(input.pass.boxes.type,
                [&](auto box) { fuse<decltype(box)>(input, params, sorted, keys, scratch, stream); });
}

void wbf_result(const WbfInput& input, const WbfParams& params, const NmsSorted& sorted, const int64_t* order,
                const WbfOutput& output, void* scratch, void* stream) {
  if (input.pass.count == 0) return;
  with_computed(input.pass.boxes.type,
                [&](auto box) { write<decltype(box)>(input, params, sorted, order, output, scratch, stream); });
}

}  // namespace ptdet::cuda

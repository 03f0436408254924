// Weighted boxes fusion: one block a group, many boxes at a time. What a batch of boxes finds among the fused boxes is
// asked of all at once, for a large group by many blocks. Then the longest run of them in which no box's choice depends
// on an earlier one is fused at once, and the others learn what that has changed.
#include "cuda/methods.h"
#include "cuda/shared_work.h"

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

#if defined(PTDET_NMS_TILE)
constexpr int kWindow = 8;
#else
constexpr int kWindow = 32;  // boxes that are fused at once, at most
#endif
constexpr int kBatch = kGroupBlock;  // boxes that ask all fused boxes at once, one a thread
constexpr int kBatchWarps = kBatch / kWarp;
constexpr int kParts = 4;  // of the fused boxes, asked by different blocks
static_assert(kWindow <= kBatch && kWindow <= 32, "a word has a bit for each box of a window");

// A fused box and what it overlaps.
template <typename T>
struct Closest {
  T overlap;   // -infinity: none
  int64_t at;  // -1: none

  __device__ static Closest none() { return {-T(INFINITY), -1}; }
  __device__ bool beats(const Closest& other) const {
    return at >= 0 && (overlap > other.overlap || (overlap == other.overlap && at < other.at));
  }
};

// Of those fused boxes that overlap a box enough, the closest, the first of equals.
template <typename T>
struct Nearest {
  Closest<T> best;
  T other;  // no other fused box overlaps it by more; -infinity: none does enough

  __device__ static Nearest none() { return {Closest<T>::none(), -T(INFINITY)}; }

  __device__ void take(const Closest<T>& one) {
    const bool first = one.beats(best);
    const T second = first ? best.overlap : one.overlap;
    other = second > other ? second : other;
    if (first) best = one;
  }
  __device__ void take(const Nearest& some) {
    take(some.best);
    other = some.other > other ? some.other : other;
  }
};

template <typename T>
struct FusionRule {
  Metric metric;
  Threshold<T> threshold;
  bool by_touch;  // boxes that share no area do not overlap enough

  __device__ bool may_meet(const Box<T>& box, const Box<T>& fused) const {
    return !by_touch || !surely_apart(box, fused);
  }
  __device__ Closest<T> ask(const Box<T>& box, const Box<T>& fused, int64_t at) const {
    if (!may_meet(box, fused)) return Closest<T>::none();
    const T overlap = overlap_by(metric, box, fused);
    return threshold.met_by(overlap) ? Closest<T>{overlap, at} : Closest<T>::none();
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
  SharedWork work;         // a segment's fused boxes lie one after the other from its first position on
  Nearest<T>* nearest;     // [large segment, part of the fused boxes, box of the batch]
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
        work(layout, n),
        nearest(layout.take<Nearest<T>>(SharedWork::most_large(n) * kParts * kBatch)),
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

// By one thread, in the order of the models; and no segment is found yet.
template <typename T>
__global__ void begin(Models models, FusionPass<T> pass) {
  pass.work.clear();
  T sum = T(0), largest = models.weight<T>(0);
  for (int64_t m = 0; m < models.count; ++m) {
    const T weight = models.weight<T>(m);
    sum = sum + weight;
    largest = largest < weight ? weight : largest;
  }
  *pass.model = {models.count, sum, largest};
}

template <typename T>
__global__ void prepare(FusionPass<T> pass, NmsInput input, Models models, const int64_t* groups, Keys keys) {
  const int64_t position = thread_in_grid();
  if (position >= pass.count) return;
  const int64_t row = pass.rows[position];
  pass.scores[position] = weighted_score<T>(input, models, row);
  pass.boxes[position] = load_box<T>(input.boxes, row);
  pass.joined[position] = -1;
  pass.work.find(groups, pass.rows, keys, position, pass.count);
}

// By a warp: what the box at `position` finds among the fused boxes from `first` to `end`.
template <typename T>
__device__ Nearest<T> find_nearest(const FusionPass<T>& pass, const FusionRule<T>& rule, int64_t position,
                                   int64_t first, int64_t end) {
  const int lane = threadIdx.x % kWarp;
  const Box<T> box = pass.boxes[position];
  Nearest<T> found = Nearest<T>::none();
  const auto fused_at = [&](int64_t at) { return pass.fused[at < end ? at : end - 1]; };
  const auto meets = [&](const Box<T>& fused, int64_t at, uint32_t bit) {
    return at < end && rule.may_meet(box, fused) ? bit : 0;
  };
  for (int64_t at = first + lane; at - lane < end; at += 4 * kWarp) {  // four on their way at once
    const Box<T> a = fused_at(at), b = fused_at(at + kWarp), c = fused_at(at + 2 * kWarp), d = fused_at(at + 3 * kWarp);
    uint32_t bits =
        meets(a, at, 1u) | meets(b, at + kWarp, 2u) | meets(c, at + 2 * kWarp, 4u) | meets(d, at + 3 * kWarp, 8u);
    for (; bits != 0; bits &= bits - 1) {
      const int64_t met = at + (__ffs(static_cast<int>(bits)) - 1) * kWarp;
      found.take(rule.ask(box, fused_at(met), met));
    }
  }
  if (__ballot_sync(kAllLanes, found.best.at >= 0) == 0) return found;
  for (int step = kWarp / 2; step > 0; step /= 2)
    found.take(Nearest<T>{
        {__shfl_sync(kAllLanes, found.best.overlap, lane ^ step), __shfl_sync(kAllLanes, found.best.at, lane ^ step)},
        __shfl_sync(kAllLanes, found.other, lane ^ step)});
  return found;
}

// What a batch asks: its boxes from the position `first` on, of the fused boxes from `start` to `found`.
struct Question {
  int64_t slot, first, size, start, found;

  __device__ int parts() const { return slot < 0 ? 1 : kParts; }  // a small segment has none to share with
  __device__ int pieces() const { return static_cast<int>((size + kBatchWarps - 1) / kBatchWarps) * parts(); }
};

// Some boxes of the batch, a warp each, and a part of the fused boxes. For a small segment to `nearest`.
template <typename T>
__device__ void answer(const FusionPass<T>& pass, const FusionRule<T>& rule, const Question& asked, Nearest<T>* nearest,
                       int piece) {
  const int parts = asked.parts(), part = piece % parts;
  const int64_t box = static_cast<int64_t>(piece / parts) * kBatchWarps + threadIdx.x / kWarp;
  if (box >= asked.size) return;
  const int64_t all = asked.found - asked.start;
  const auto found = find_nearest(pass, rule, asked.first + box, asked.start + all * part / parts,
                                  asked.start + all * (part + 1) / parts);
  if (asked.slot >= 0) nearest = pass.nearest + (asked.slot * kParts + part) * kBatch;
  if (threadIdx.x % kWarp == 0) nearest[box] = found;
}

// Shared memory runs no constructors.
template <typename T>
struct alignas(16) FusedMemory {
  char bytes[sizeof(Fused<T>)];

  __device__ Fused<T>& sums() { return *reinterpret_cast<Fused<T>*>(bytes); }
};

template <typename T>
struct FusionMemory {    // shared by the block
  Nearest<T>* nearest;   // [box of the batch]
  AlignedBox<T>* boxes;  // [box of the window]
  AlignedBox<T>* moved;  // [box of the window] the fused box once it has joined or founded it
  FusedMemory<T>* sums;  // [box of the window] of that fused box
  Closest<T>* targets;   // [box of the window] the fused box that it joins, -1: none; later the one it founded, too
  uint32_t* founders;    // (1) boxes of the window that join none, as bits
  int* cut;              // (1) the first of the window that must wait
};

// The member that a box of the batch is to be, the same until it is fused.
template <typename T>
struct Member {
  int64_t position;
  Box<T> box;
  T score, weight;
  Nearest<T> nearest;
  bool unsure = false;  // its fused box has moved away, and which is the closest now was not kept
};

// What has become of the fused box `at` may change what the member is closest to.
template <typename T>
__device__ void hear_of(Member<T>& member, const FusionRule<T>& rule, const Box<T>& moved, int64_t at) {
  const Closest<T> now = rule.ask(member.box, moved, at);
  Nearest<T>& nearest = member.nearest;
  if (nearest.best.at != at) return nearest.take(now);
  if (now.at >= 0 && now.overlap > nearest.other) {
    nearest.best.overlap = now.overlap;
  } else if (nearest.other == -T(INFINITY)) {
    nearest.best = Closest<T>::none();
  } else {
    member.unsure = true;
  }
}

// By all threads of the block: fuses boxes of a batch of `size`, a member a thread, until all are or one is unsure.
// Returns how many. `found` is the end of the fused boxes.
template <typename T>
__device__ int fuse_batch(const FusionPass<T>& pass, const FusionRule<T>& rule, const FusionMemory<T>& memory,
                          Member<T>& member, int size, int64_t* found) {
  const int own = threadIdx.x;
  int fused = 0;
  while (fused < size) {
    const int seat = own - fused;  // in the window
    const bool in_window = seat >= 0 && seat < kWindow && own < size;
    if (own == 0) *memory.founders = 0, *memory.cut = size - fused < kWindow ? size - fused : kWindow;
    __syncthreads();
    if (in_window && member.unsure) atomicMin(memory.cut, seat);
    if (in_window && !member.unsure) {
      const int64_t at = member.nearest.best.at;
      Box<T> moved = member.box;
      Fused<T>& sums = memory.sums[seat].sums();
      sums = at >= 0 ? pass.sums[at] : Fused<T>{};
      if (at >= 0) moved = pass.fused[at];
      sums.add(member.box, member.score, member.weight, moved);
      memory.boxes[seat].box = member.box;
      memory.moved[seat].box = moved;
      memory.targets[seat] = member.nearest.best;
      if (at < 0) atomicOr(memory.founders, 1u << seat);
    }
    __syncthreads();
    // Who joins what an earlier one has moved, or would choose that, waits. A fused box that an earlier one founds
    // comes after all that there are, so of equals it is not the first.
    const int sure = *memory.cut, later = own % kWindow;
    __syncthreads();  // all have read it
    for (int earlier = own / kWindow; later < sure && earlier < later; earlier += kBatch / kWindow) {
      const Closest<T> target = memory.targets[later];
      const int64_t at = memory.targets[earlier].at;
      if (at >= 0 && at == target.at) atomicMin(memory.cut, later);
      const Closest<T> now = rule.ask(memory.boxes[later].box, memory.moved[earlier].box, at >= 0 ? at : *found);
      if (now.beats(target)) atomicMin(memory.cut, later);
    }
    __syncthreads();
    const int count = *memory.cut;
    if (count == 0) break;
    const uint32_t founders = *memory.founders & (kAllLanes >> (32 - count));
    if (in_window && seat < count) {
      int64_t at = member.nearest.best.at;
      const bool founds = at < 0;
      if (founds) at = *found + __popc(founders & ((1u << seat) - 1));
      pass.sums[at] = memory.sums[seat].sums();
      pass.fused[at] = memory.moved[seat].box;
      if (founds) pass.founders[at] = member.position;
      pass.next[member.position] = founds ? -1 : pass.members[at];
      pass.members[at] = member.position;
      pass.joined[member.position] = at;
      memory.targets[seat].at = at;
    }
    __syncthreads();
    *found += __popc(founders);
    fused += count;
    if (own >= fused && own < size)
      for (int i = 0; i < count; ++i) hear_of(member, rule, memory.moved[i].box, memory.targets[i].at);
  }
  __syncthreads();  // all have read the cut
  return fused;
}

// `ask(first, size, found)` has the batch's boxes find their nearest in `memory`.
template <typename T, typename Ask>
__device__ void fuse_segment(const FusionPass<T>& pass, const FusionRule<T>& rule, const Models& models,
                             const FusionMemory<T>& memory, int64_t start, Ask&& ask) {
  const int own = threadIdx.x;
  const int64_t end = pass.work.segments.ends[start];
  int64_t found = start;  // the end of the fused boxes
  for (int64_t first = start; first < end;) {
    const int size = static_cast<int>(end - first < kBatch ? end - first : kBatch);
    Member<T> member;
    member.nearest = Nearest<T>::none();
    if (found > start) {
      ask(first, size, found);
      if (own < size) member.nearest = memory.nearest[own];
    }
    if (own < size) {
      member.position = first + own;
      member.box = pass.boxes[member.position];
      member.score = pass.scores[member.position];
      member.weight = models.weight<T>(models.of(pass.rows[member.position]));
    }
    first += fuse_batch(pass, rule, memory, member, size, &found);
  }
}

template <typename T>
__global__ void __launch_bounds__(kGroupBlock, sizeof(T) == 8 ? 1 : 2)
    fuse_segments(FusionPass<T> pass, Models models, FusionRule<T> rule) {
  SHARED_ARRAY(Nearest<T>, nearest, kBatch);
  SHARED_ARRAY(AlignedBox<T>, boxes, kWindow);
  SHARED_ARRAY(AlignedBox<T>, moved, kWindow);
  SHARED_ARRAY(FusedMemory<T>, sums, kWindow);
  SHARED_ARRAY(Closest<T>, targets, kWindow);
  SHARED_ARRAY(uint32_t, founders, 1);
  SHARED_ARRAY(int, cut, 1);
  SHARED_ARRAY(int, piece, 1);
  SHARED_ARRAY(Counter, ticket, 1);
  const FusionMemory<T> memory{nearest, boxes, moved, sums, targets, founders, cut};
  const auto do_segment = [&](int64_t start, Lead& lead) {
    const auto ask = [&](int64_t first, int size, int64_t found) {
      const Question asked{lead.slot, first, size, start, found};
      lead.phase(asked.pieces(), {asked.slot, asked.first, asked.size, asked.start, asked.found},
                 [&](int i) { answer(pass, rule, asked, nearest, i); });
      if (asked.parts() == 1 || static_cast<int>(threadIdx.x) >= size) return;
      for (int part = 0; part < kParts; ++part) {
        const Nearest<T>& of_part = pass.nearest[(asked.slot * kParts + part) * kBatch + threadIdx.x];
        if (part == 0)
          nearest[threadIdx.x] = of_part;
        else
          nearest[threadIdx.x].take(of_part);
      }
    };
    fuse_segment(pass, rule, models, memory, start, ask);
  };
  pass.work.run(piece, ticket, do_segment, [&](const int64_t* numbers, int i) {
    answer(pass, rule, Question{numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]}, nearest, i);
  });
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
  const auto begin_kernel = begin<T>;
  LAUNCH(begin_kernel, 1, 1, stream, models, pass);
  const auto prepare_kernel = prepare<T>;
  LAUNCH(prepare_kernel, blocks, kBlock, stream, pass, input.pass, models, sorted.groups,
         Keys{sorted.keys, sizeof(T) == 8});
  const auto threshold = Threshold<T>::from(params.pass.iou_threshold, params.pass.inclusive);
  const bool by_touch = !traits_of(params.pass.metric).above_zero_apart && threshold.excludes_zero();
  const auto fuse_kernel = fuse_segments<T>;
  LAUNCH(fuse_kernel, SharedWork::blocks(sorted.groups, pass.count), kGroupBlock, stream, pass, models,
         FusionRule<T>{params.pass.metric, threshold, by_touch});
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

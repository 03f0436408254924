// Soft-NMS: one block a group, in rounds of many visits. A round chooses the best open boxes as its front, walks among
// them, and lets the boxes outside meet all that were visited.
#include "cuda/soft_shared.h"

namespace ptdet::cuda {
namespace {

#if defined(PTDET_NMS_TILE)
template <typename T>
constexpr int kSoftLargeBlock = 64;
#else
template <typename T>
constexpr int kSoftLargeBlock = sizeof(T) == 8 ? 256 : 512;  // where all boxes are one group: as registers allow
#endif

template <typename T, typename Score>
__global__ void prepare(SoftWalk<T, Score> walk, NmsInput input, const int64_t* groups, Keys keys, Score floor,
                        int64_t* kept) {
  const int64_t position = thread_in_grid();
  if (position >= walk.count) return;
  const int64_t row = walk.rows[position];
  const Score score = load<Score>(input.scores, row);
  if (score < Score(0)) atomicMin(reinterpret_cast<long long*>(kept), static_cast<long long>(kScoreIsNegative));
  walk.scores[position] = score;
  walk.boxes[position].box = load_box<T>(input.boxes, row);
  walk.by[position] = keys.is_candidate(row) && !(score <= floor) ? kOpen : kOut;
  walk.segments.find(groups, walk.rows, keys, position, walk.count);
}

template <typename T, typename Score>
__device__ void walk_segment(const SoftWalk<T, Score>& walk, const SoftRule<T, Score>& rule, bool by_touch,
                             bool reselect, int64_t max_output, const Front<T, Score>& front,
                             const ChoiceMemory<KeyOf<Score>>& memory, int64_t start) {
  const int64_t end = walk.segments.ends[start];
  int64_t limit = reselect ? max_output : walk.count;
  for (;;) {
    int count;
    const auto left = choose_front(walk, memory, reselect, start, end, &count);
    if (count == 0) return;
    fill_front(walk, front, memory.positions, reselect, by_touch, count);
    if (threadIdx.x < kWarp) {
      const Best<KeyOf<Score>> bound{left.key, reselect ? left.position : -1};
      const int visits = visit_front(walk, front, rule, reselect, bound, count, limit);
      if (threadIdx.x == 0) *front.visits = visits;
    }
    __syncthreads();
    const int visits = *front.visits;
    empty_front(walk, front, count, visits);
    if (left.position < 0) return;
    meet_visited(walk, front, rule, by_touch, start, end, visits);
    limit -= visits;
    if (limit == 0) return;
  }
}

template <typename T, typename Score>
__global__ void __launch_bounds__(kSoftLargeBlock<T>, 1)
    walk_segments(SoftWalk<T, Score> walk, SoftRule<T, Score> rule, bool by_touch, bool reselect, int64_t max_output) {
  using Key = KeyOf<Score>;
  SHARED_ARRAY(WalkBox<T>, boxes, kFront);
  SHARED_ARRAY(WalkBox<T>, visited, kFront);
  SHARED_ARRAY(Score, scores, kFront);
  SHARED_ARRAY(int64_t, positions, kFront);
  SHARED_ARRAY(int64_t, chosen, kFront);
  SHARED_ARRAY(int64_t, visited_at, kFront);
  SHARED_ARRAY(int64_t, rows, kFront);
  SHARED_ARRAY(int, by, kFront);
  SHARED_ARRAY(uint8_t, meets, kFront * kWarp);
  SHARED_ARRAY(int, visits, 1);
  SHARED_ARRAY(Best<Key>, bests, kSoftLargeBlock<T>);
  SHARED_ARRAY(int, digits, kDigits);
  SHARED_ARRAY(int, warp_counts, kMaxWarps);
  SHARED_ARRAY(int, digit, 2);
  const Front<T, Score> front{boxes, scores, positions, by, meets, visited, visited_at, rows, visits};
  const ChoiceMemory<Key> memory{bests, digits, digit, warp_counts, chosen};
  const int64_t segments = static_cast<int64_t>(*walk.segments.found);
  for (int64_t i = blockIdx.x; i < segments; i += gridDim.x)
    walk_segment(walk, rule, by_touch, reselect, max_output, front, memory, walk.segments.starts[i]);
}

template <typename T, typename Score>
__global__ void write_keys(SoftWalk<T, Score> walk, SortKey<Score>* keys) {
  const int64_t position = thread_in_grid();
  if (position >= walk.count) return;
  keys[walk.rows[position]] =
      walk.by[position] == position ? sort_key(walk.scores[position]) : no_candidate_key<SortKey<Score>>();
}

template <typename T, typename Score>
__global__ void write_positions(SoftWalk<T, Score> walk) {
  const int64_t position = thread_in_grid();
  if (position < walk.count) walk.segments.ends[walk.rows[position]] = position;  // the walk needs no ends any more
}

template <typename T, typename Score>
__global__ void write_kept(SoftWalk<T, Score> walk, const int64_t* order, int64_t max_output, SoftOutput output,
                           Type type) {
  const int64_t k = thread_in_grid();
  if (k >= walk.count) return;
  const auto is_visited = [&](int64_t at) {
    return at < walk.count && walk.by[walk.segments.ends[order[at]]] == walk.segments.ends[order[at]];
  };
  const bool visited = is_visited(k), kept = visited && k < max_output;
  if (visited) walk.place[order[k]] = k;
  output.walk.keep[k] = kept ? order[k] : -1;
  store(output.scores, type, k, kept ? walk.scores[walk.segments.ends[order[k]]] : Score(0));
  if (visited && !is_visited(k + 1) && *output.walk.kept >= 0)
    *output.walk.kept = k + 1 < max_output ? k + 1 : max_output;
}

template <typename T, typename Score>
__global__ void write_owner(SoftWalk<T, Score> walk, int64_t max_output, int64_t* owner) {
  const int64_t position = thread_in_grid();
  if (position >= walk.count) return;
  const int64_t by = walk.by[position] < 0 ? -1 : walk.rows[walk.by[position]];
  owner[walk.rows[position]] = by >= 0 && walk.place[by] < max_output ? by : -1;
}

template <typename T, typename Score>
struct Soft {
  static void run(const NmsInput& input, const SoftParams& params, const NmsSorted& sorted, int64_t* kept, void* keys,
                  void* memory, void* stream) {
    SoftWalk<T, Score> walk(memory, input.count);
    walk.rows = sorted.by_group ? sorted.by_group : sorted.by_score;
    const auto rule = SoftRule<T, Score>::from(params);
    const bool at_most_zero = params.walk.metric != Metric::kGiou;  // without a common area (math/apart.h)
    const bool by_touch = at_most_zero && (params.decay != Decay::kHard || excludes_zero(rule.threshold));
    const int64_t blocks = blocks_for(input.count, kBlock);
    LAUNCH(clear, 1, 1, stream, walk.segments.found);
    const auto prepare_kernel = prepare<T, Score>;
    LAUNCH(prepare_kernel, blocks, kBlock, stream, walk, input, sorted.groups, Keys{sorted.keys, sizeof(Score) == 8},
           rule.floor, kept);
    const auto walk_kernel = walk_segments<T, Score>;
    const int threads = sorted.groups ? kWalkBlock : kSoftLargeBlock<T>;
    LAUNCH(walk_kernel, walkers(sorted.groups, input.count), threads, stream, walk, rule, by_touch, params.reselect,
           params.walk.max_output);
    const auto keys_kernel = write_keys<T, Score>;
    LAUNCH(keys_kernel, blocks, kBlock, stream, walk, static_cast<SortKey<Score>*>(keys));
  }

  static void write(const NmsInput& input, const SoftParams& params, const NmsSorted& sorted, const int64_t* order,
                    const SoftOutput& output, void* memory, void* stream) {
    SoftWalk<T, Score> walk(memory, input.count);
    walk.rows = sorted.by_group ? sorted.by_group : sorted.by_score;
    const int64_t blocks = blocks_for(input.count, kBlock), max_output = params.walk.max_output;
    const auto positions_kernel = write_positions<T, Score>;
    LAUNCH(positions_kernel, blocks, kBlock, stream, walk);
    const auto kept_kernel = write_kept<T, Score>;
    LAUNCH(kept_kernel, blocks, kBlock, stream, walk, order, max_output, output, input.scores.type);
    const auto owner_kernel = write_owner<T, Score>;
    LAUNCH(owner_kernel, blocks, kBlock, stream, walk, max_output, output.walk.owner);
  }
};

// f(Soft<T, Score>()) with the types of the input.
template <typename F>
auto with_types(const NmsInput& input, F&& f) {
  const bool wide_scores = input.scores.type == Type::kFloat64;
  if (wide(input)) return wide_scores ? f(Soft<double, double>()) : f(Soft<double, float>());
  return wide_scores ? f(Soft<float, double>()) : f(Soft<float, float>());
}

}  // namespace

size_t soft_scratch_bytes(int64_t count) { return SoftWalk<double, double>(nullptr, count).bytes; }

void soft_nms(const NmsInput& input, const SoftParams& params, const NmsSorted& sorted, int64_t* kept, void* keys,
              void* scratch, void* stream) {
  if (input.count == 0) return;
  with_types(input, [&](auto soft) { soft.run(input, params, sorted, kept, keys, scratch, stream); });
}

void soft_result(const NmsInput& input, const SoftParams& params, const NmsSorted& sorted, const int64_t* order,
                 const SoftOutput& output, void* scratch, void* stream) {
  if (input.count == 0) return;
  with_types(input, [&](auto soft) { soft.write(input, params, sorted, order, output, scratch, stream); });
}

}  // namespace ptdet::cuda

// Soft-NMS: one block a group, in rounds of many selections. A round chooses the best open boxes as its front, selects
// among them, and lets the boxes outside meet all that were selected; in a large group other blocks help with that.
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
__global__ void prepare(SoftPass<T, Score> pass, NmsInput input, const int64_t* groups, Keys keys, Score floor,
                        int64_t* kept) {
  const int64_t position = thread_in_grid();
  if (position >= pass.count) return;
  const int64_t row = pass.rows[position];
  const Score score = load<Score>(input.scores, row);
  if (score < Score(0)) atomicMin(reinterpret_cast<long long*>(kept), static_cast<long long>(kScoreIsNegative));
  pass.scores[position] = score;
  pass.boxes[position].box = load_box<T>(input.boxes, row);
  pass.by[position] = keys.is_candidate(row) && !(score <= floor) ? kOpen : kOut;
  pass.work.find(groups, pass.rows, keys, position, pass.count);
}

__global__ void begin(SharedWork work) { work.clear(); }

// `meet(end, selections)` lets the boxes outside meet those that were selected.
template <typename T, typename Score, typename Meet>
__device__ void pass_over_segment(const SoftPass<T, Score>& pass, const SoftRule<T, Score>& rule, bool by_touch,
                                  bool reselect, int64_t max_output, const Front<T, Score>& front,
                                  const ChoiceMemory<KeyOf<Score>>& memory, int64_t start, Meet&& meet) {
  const int64_t end = pass.work.segments.ends[start];
  int64_t limit = reselect ? max_output : pass.count;
  for (;;) {
    int count;
    const auto left = choose_front(pass, memory, reselect, start, end, &count);
    if (count == 0) return;
    fill_front(pass, front, memory.positions, reselect, by_touch, count);
    const Best<KeyOf<Score>> bound{left.key, reselect ? left.position : -1};
    const int selections = select_in_front(pass, front, rule, reselect, bound, count, limit);
    __syncthreads();
    empty_front(pass, front, start, count, selections);
    if (left.position < 0) return;
    meet(end, selections);
    limit -= selections;
    if (limit == 0) return;
  }
}

template <typename T, typename Score>
__global__ void __launch_bounds__(kSoftLargeBlock<T>, 1)
    pass_over_segments(SoftPass<T, Score> pass, SoftRule<T, Score> rule, bool by_touch, bool reselect,
                       int64_t max_output) {
  using Key = KeyOf<Score>;
  SHARED_ARRAY(AlignedBox<T>, boxes, kFront);
  SHARED_ARRAY(AlignedBox<T>, selected, kFront);
  SHARED_ARRAY(Score, scores, kFront);
  SHARED_ARRAY(Key, keys, kFront);
  SHARED_ARRAY(int64_t, positions, kFront);
  SHARED_ARRAY(int64_t, chosen, kFront);
  SHARED_ARRAY(int64_t, selected_at, kFront);
  SHARED_ARRAY(int64_t, rows, kFront);
  SHARED_ARRAY(int, by, kFront);
  SHARED_ARRAY(uint32_t, meets, kFrontWords* kFront);
  SHARED_ARRAY(uint32_t, open, kFrontWords);
  SHARED_ARRAY(uint32_t, together, kFrontWords);
  SHARED_ARRAY(RankedMemory<Key>, firsts, kFrontWords);
  SHARED_ARRAY(Best<Key>, bests, kSoftLargeBlock<T>);
  SHARED_ARRAY(int, digits, kDigits);
  SHARED_ARRAY(int, warp_counts, kMaxWarps);
  SHARED_ARRAY(int, digit, 2);
  SHARED_ARRAY(int, piece, 1);
  SHARED_ARRAY(Counter, ticket, 1);
  const Front<T, Score> front{boxes, scores,   keys,   positions, by,          meets,
                              open,  together, firsts, selected,  selected_at, rows};
  const ChoiceMemory<Key> memory{bests, digits, digit, warp_counts, chosen};
  const auto meet_piece = [&](int64_t start, int64_t end, int selections, int i) {
    const int64_t p = start + static_cast<int64_t>(i) * blockDim.x + threadIdx.x;
    if (p < end) meet_selected(pass, front, rule, by_touch, p, selections);
  };
  const auto do_segment = [&](int64_t start, Lead& lead) {
    const auto meet = [&](int64_t end, int selections) {
      const int pieces = static_cast<int>((end - start + blockDim.x - 1) / blockDim.x);
      lead.phase(pieces, {start, end, selections}, [&](int i) { meet_piece(start, end, selections, i); });
    };
    pass_over_segment(pass, rule, by_touch, reselect, max_output, front, memory, start, meet);
  };
  pass.work.run(piece, ticket, do_segment, [&](const int64_t* numbers, int i) {
    const int selections = static_cast<int>(numbers[2]);
    fetch_selected(pass, front, numbers[0], selections);
    meet_piece(numbers[0], numbers[1], selections, i);
  });
}

template <typename T, typename Score>
__global__ void write_keys(SoftPass<T, Score> pass, SortKey<Score>* keys) {
  const int64_t position = thread_in_grid();
  if (position >= pass.count) return;
  keys[pass.rows[position]] =
      pass.by[position] == position ? sort_key(pass.scores[position]) : no_candidate_key<SortKey<Score>>();
}

template <typename T, typename Score>
__global__ void write_positions(SoftPass<T, Score> pass) {
  const int64_t position = thread_in_grid();
  if (position < pass.count) pass.work.segments.ends[pass.rows[position]] = position;  // the pass needs them no more
}

template <typename T, typename Score>
__global__ void write_kept(SoftPass<T, Score> pass, const int64_t* order, int64_t max_output, SoftOutput output,
                           Type type) {
  const int64_t k = thread_in_grid();
  if (k >= pass.count) return;
  const auto is_selected = [&](int64_t at) {
    return at < pass.count && pass.by[pass.work.segments.ends[order[at]]] == pass.work.segments.ends[order[at]];
  };
  const bool selected = is_selected(k), kept = selected && k < max_output;
  if (selected) pass.place[order[k]] = k;
  output.pass.keep[k] = kept ? order[k] : -1;
  store(output.scores, type, k, kept ? pass.scores[pass.work.segments.ends[order[k]]] : Score(0));
  if (selected && !is_selected(k + 1) && *output.pass.kept >= 0)
    *output.pass.kept = k + 1 < max_output ? k + 1 : max_output;
}

template <typename T, typename Score>
__global__ void write_owner(SoftPass<T, Score> pass, int64_t max_output, int64_t* owner) {
  const int64_t position = thread_in_grid();
  if (position >= pass.count) return;
  const int64_t by = pass.by[position] < 0 ? -1 : pass.rows[pass.by[position]];
  owner[pass.rows[position]] = by >= 0 && pass.place[by] < max_output ? by : -1;
}

template <typename T, typename Score>
struct Soft {
  static void run(const NmsInput& input, const SoftParams& params, const NmsSorted& sorted, int64_t* kept, void* keys,
                  void* memory, void* stream) {
    SoftPass<T, Score> pass(memory, input.count);
    pass.rows = sorted.by_group ? sorted.by_group : sorted.by_score;
    const auto rule = SoftRule<T, Score>::from(params);
    // Does a box without a common area change nothing?
    const bool by_touch = !traits_of(params.pass.metric).above_zero_apart &&
                          (params.decay != Decay::kHard || rule.threshold.excludes_zero());
    const int64_t blocks = blocks_for(input.count, kBlock);
    LAUNCH(begin, 1, 1, stream, pass.work);
    const auto prepare_kernel = prepare<T, Score>;
    LAUNCH(prepare_kernel, blocks, kBlock, stream, pass, input, sorted.groups, Keys{sorted.keys, sizeof(Score) == 8},
           rule.floor, kept);
    const auto pass_kernel = pass_over_segments<T, Score>;
    const int threads = sorted.groups ? kGroupBlock : kSoftLargeBlock<T>;
    LAUNCH(pass_kernel, SharedWork::blocks(sorted.groups, input.count), threads, stream, pass, rule, by_touch,
           params.reselect, params.pass.max_output);
    const auto keys_kernel = write_keys<T, Score>;
    LAUNCH(keys_kernel, blocks, kBlock, stream, pass, static_cast<SortKey<Score>*>(keys));
  }

  static void write(const NmsInput& input, const SoftParams& params, const NmsSorted& sorted, const int64_t* order,
                    const SoftOutput& output, void* memory, void* stream) {
    SoftPass<T, Score> pass(memory, input.count);
    pass.rows = sorted.by_group ? sorted.by_group : sorted.by_score;
    const int64_t blocks = blocks_for(input.count, kBlock), max_output = params.pass.max_output;
    const auto positions_kernel = write_positions<T, Score>;
    LAUNCH(positions_kernel, blocks, kBlock, stream, pass);
    const auto kept_kernel = write_kept<T, Score>;
    LAUNCH(kept_kernel, blocks, kBlock, stream, pass, order, max_output, output, input.scores.type);
    const auto owner_kernel = write_owner<T, Score>;
    LAUNCH(owner_kernel, blocks, kBlock, stream, pass, max_output, output.pass.owner);
  }
};

}  // namespace

size_t soft_scratch_bytes(int64_t count) { return SoftPass<double, double>(nullptr, count).bytes; }

void soft_nms(const NmsInput& input, const SoftParams& params, const NmsSorted& sorted, int64_t* kept, void* keys,
              void* scratch, void* stream) {
  if (input.count == 0) return;
  with_types(input, [&](auto box, auto score) {
    Soft<decltype(box), decltype(score)>::run(input, params, sorted, kept, keys, scratch, stream);
  });
}

void soft_result(const NmsInput& input, const SoftParams& params, const NmsSorted& sorted, const int64_t* order,
                 const SoftOutput& output, void* scratch, void* stream) {
  if (input.count == 0) return;
  with_types(input, [&](auto box, auto score) {
    Soft<decltype(box), decltype(score)>::write(input, params, sorted, order, output, scratch, stream);
  });
}

}  // namespace ptdet::cuda

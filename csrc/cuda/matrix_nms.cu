// Matrix NMS: two looks at all better boxes, for the largest share of each box, then for the box that leaves least of
// it.
#include "math/threshold.h"
#include "cuda/ranked_pairs.h"

namespace ptdet::cuda {
namespace {

template <typename T, typename Score>
struct MatrixScratch {
  RankedBoxes<Box<T>> ranked;
  T* relief;       // [position]
  Score* decayed;  // [row]
  size_t bytes;

  MatrixScratch(void* base, int64_t count) : MatrixScratch(Layout(base), count) {}

 private:
  MatrixScratch(Layout layout, int64_t count)
      : ranked(layout, count),
        relief(layout.take<T>(count)),
        decayed(layout.take<Score>(count)),
        bytes(layout.size()) {}
};

// What a score becomes, and the key by which the caller sorts those above the floor.
template <typename Score>
struct Decayed {
  Score floor;
  Column given;
  Score* scores;         // [row]
  SortKey<Score>* keys;  // [row]
  int64_t* owner;        // [row]

  template <typename T>
  __device__ void write(int64_t row, T factor, int64_t by) const {
    const Score score = load<Score>(given, row) * static_cast<Score>(factor);
    scores[row] = score;
    const bool out = score <= floor;
    keys[row] = out ? no_candidate_key<SortKey<Score>>() : sort_key(score);
    owner[row] = out ? by : -1;
  }
};

template <typename T, typename Score>
__global__ void prepare(MatrixScratch<T, Score> scratch, NmsInput input, const int64_t* groups, Keys keys,
                        Decayed<Score> decayed) {
  const int64_t position = thread_in_grid();
  if (position >= input.count) return;
  if (scratch.ranked.gather(input.boxes, groups, keys, position)) return;
  const int64_t row = scratch.ranked.rows[position];
  decayed.keys[row] = no_candidate_key<SortKey<Score>>();
  decayed.owner[row] = -1;
}

// Most boxes are apart, and then four comparisons say so.
template <typename Measure, typename T>
__device__ inline T share_of(const Box<T>& own, const Box<T>& better) {
  if (!Measure::kAboveZeroApart && surely_apart(own, better)) return T(0);
  return decay_share<T>(Measure::between(own, better));
}

template <typename T>
struct Most {
  T share;

  __device__ void take(const Most& other) {
    if (other.share > share) share = other.share;
  }
};

template <typename Measure, typename T>
struct FindMost {
  static constexpr bool kStops = false;
  using Slot = AlignedBox<T>;
  Box<T> own;
  Most<T> most;

  __device__ void stage(Slot& slot, const Slot& box, int64_t) { slot = box; }
  __device__ void look(const Slot* slots, int from, int end, int64_t) {
    for (const Slot* better = slots + from; from < end; from += kParts, better += kParts)
      most.take({share_of<Measure>(own, better->box)});
  }
};

template <typename T>
struct BoxWithRelief : AlignedBox<T> {
  T relief;
};

template <typename Measure, typename T>
struct FindLeast {
  static constexpr bool kStops = false;
  using Slot = BoxWithRelief<T>;
  Box<T> own;
  MatrixDecay<T> decay;
  const T* relief;  // [position]
  LeastLeft<T> least;

  __device__ void stage(Slot& slot, const AlignedBox<T>& box, int64_t position) {
    slot.box = box.box;
    slot.relief = relief[position];
  }
  __device__ void look(const Slot* slots, int from, int end, int64_t first) {
    for (const Slot* better = slots + from; from < end; from += kParts, better += kParts) {
      const T share = share_of<Measure>(own, better->box);
      if (share > T(0)) least.take(decay.left(share), better->relief, first + from);
    }
  }
};

template <typename Measure, typename T>
__global__ void __launch_bounds__(kRowBlock, kResidentRows<T>)
    find_relief(RankedBoxes<Box<T>> ranked, MatrixDecay<T> decay, T* relief) {
  const int64_t own = own_position();
  const bool candidate = own < ranked.count && ranked.starts[own] >= 0;
  FindMost<Measure, T> visit{candidate ? ranked.boxes[own].box : Box<T>{}, {T(0)}};
  for_each_better(ranked, visit);
  const Most<T> most = joined(visit.most);
  if (candidate && threadIdx.x < kWarp) relief[own] = decay.left(most.share);
}

template <typename Measure, typename T, typename Score>
__global__ void __launch_bounds__(kRowBlock, kResidentRows<T>)
    find_least(RankedBoxes<Box<T>> ranked, MatrixDecay<T> decay, const T* relief, Decayed<Score> decayed) {
  const int64_t own = own_position();
  const bool candidate = own < ranked.count && ranked.starts[own] >= 0;
  const Box<T> box = candidate ? ranked.boxes[own].box : Box<T>{};
  FindLeast<Measure, T> visit{box, decay, relief, LeastLeft<T>::nothing_taken()};
  for_each_better(ranked, visit);
  const LeastLeft<T> least = joined(visit.least);
  if (candidate && threadIdx.x < kWarp)
    decayed.write(ranked.rows[own], least.ratio, least.by < 0 ? -1 : ranked.rows[least.by]);
}

template <typename Score>
__global__ void write_kept(int64_t count, const SortKey<Score>* keys, const int64_t* order, const Score* decayed,
                           int64_t max_output, SoftOutput output, Type type) {
  const int64_t k = thread_in_grid();
  if (k >= count) return;
  const auto is_alive = [&](int64_t at) { return at < count && keys[order[at]] != no_candidate_key<SortKey<Score>>(); };
  const bool alive = is_alive(k), kept = alive && k < max_output;
  output.pass.keep[k] = kept ? order[k] : -1;
  if (kept) output.pass.owner[order[k]] = order[k];
  store(output.scores, type, k, kept ? decayed[order[k]] : Score(0));
  if (alive && !is_alive(k + 1) && *output.pass.kept >= 0) *output.pass.kept = k + 1 < max_output ? k + 1 : max_output;
}

template <typename T, typename Score>
struct Matrix {
  static void run(const NmsInput& input, const MatrixParams& params, const NmsSorted& sorted, int64_t* owner,
                  void* keys, void* memory, void* stream) {
    MatrixScratch<T, Score> scratch(memory, input.count);
    RankedBoxes<Box<T>>& ranked = scratch.ranked;
    ranked.rows = sorted.by_group ? sorted.by_group : sorted.by_score;
    const Decayed<Score> decayed{Threshold<Score>::from(params.min_score, false).bound, input.scores, scratch.decayed,
                                 static_cast<SortKey<Score>*>(keys), owner};
    const auto decay = matrix_decay<T>(params);
    const auto prepare_kernel = prepare<T, Score>;
    LAUNCH(prepare_kernel, blocks_for(input.count, kBlock), kBlock, stream, scratch, input, sorted.groups,
           Keys{sorted.keys, sizeof(Score) == 8}, decayed);
    with_metric(params.pass.metric, [&](auto measure) {
      const auto relief_kernel = find_relief<decltype(measure), T>;
      LAUNCH(relief_kernel, rows_of_boxes(input.count), kRowBlock, stream, ranked, decay, scratch.relief);
      const auto least_kernel = find_least<decltype(measure), T, Score>;
      LAUNCH(least_kernel, rows_of_boxes(input.count), kRowBlock, stream, ranked, decay, scratch.relief, decayed);
    });
  }

  static void write(const NmsInput& input, const MatrixParams& params, const void* keys, const int64_t* order,
                    const SoftOutput& output, void* memory, void* stream) {
    const MatrixScratch<T, Score> scratch(memory, input.count);
    const auto kernel = write_kept<Score>;
    LAUNCH(kernel, blocks_for(input.count, kBlock), kBlock, stream, input.count,
           static_cast<const SortKey<Score>*>(keys), order, scratch.decayed, params.pass.max_output, output,
           input.scores.type);
  }
};

}  // namespace

size_t matrix_scratch_bytes(int64_t count) { return MatrixScratch<double, double>(nullptr, count).bytes; }

void matrix_nms(const NmsInput& input, const MatrixParams& params, const NmsSorted& sorted, int64_t* owner, void* keys,
                void* scratch, void* stream) {
  if (input.count == 0) return;
  with_types(input, [&](auto box, auto score) {
    Matrix<decltype(box), decltype(score)>::run(input, params, sorted, owner, keys, scratch, stream);
  });
}

void matrix_result(const NmsInput& input, const MatrixParams& params, const void* keys, const int64_t* order,
                   const SoftOutput& output, void* scratch, void* stream) {
  if (input.count == 0) return;
  with_types(input, [&](auto box, auto score) {
    Matrix<decltype(box), decltype(score)>::write(input, params, keys, order, output, scratch, stream);
  });
}

}  // namespace ptdet::cuda

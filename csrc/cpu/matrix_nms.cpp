// Matrix NMS: a score decays by the better box that weighs most on it, relieved by what weighs on that box itself.
#include <algorithm>

#include "core/decay.h"
#include "cpu/rank.h"
#include "cpu/store.h"
#include "cpu/tree.h"
#include "switch.h"

namespace ptdet::cpu {
namespace {

template <typename T>
struct Matrix {
  const MatrixParams& params;
  const MatrixDecay<T> decay = matrix_decay<T>(params);
  // An overlap of 0 weighs nothing, and one above it needs an intersection; but of GIoU (core/apart.h).
  using Mode = typename Filter<T>::Mode;
  const Filter<T> filter{params.walk.metric == Metric::kGiou ? Mode::kNone : Mode::kIntersects, 0, T(0), T(0)};

  T share(const Box<T>& box, const Box<T>& better) const {
    return decay_share<T>(overlap_by(params.walk.metric, box, better));
  }

  // factor[row] of a candidate: what is left of the score; owner[row]: by whom, -1 where nothing weighs on it.
  void weigh(const NmsInput& input, const Ranks& ranks, T* factor, int64_t* owner, const Host& host) const {
    const Groups groups = groups_of(input, ranks, host);
    const TreeSpace<T> space(largest_of(groups), host);
    Box<T>* boxes = allocate<Box<T>>(host, largest_of(groups));
    T* relief = allocate<T>(host, largest_of(groups));
    for (uint32_t g = 0; g < groups.count; ++g) {
      const uint32_t* rows = groups.rows + groups.starts[g];
      const uint32_t count = groups.starts[g + 1] - groups.starts[g];
      gather_boxes(input.boxes, rows, 0, count, boxes);
      const Tree<T> tree = space.plant(boxes, count, filter, host);
      // body(i, share(j), j) for each better j that meets i
      const auto for_all = [&](auto&& start, auto&& body, auto&& finish) {
        parallel_ranges(host, count, parts_for(host, 8 * static_cast<int64_t>(count)), [&](int64_t begin, int64_t end) {
          Hits* hits = allocate<Hits>(host, tree.blocks() + 1);
          for (int64_t i = begin; i < end; ++i) {
            auto state = start();
            for_each_near(tree, filter, boxes[i], hits, [&](uint32_t j, uint32_t) {
              if (j < i) body(state, j, share(boxes[i], boxes[j]));
            });
            finish(i, state);
          }
        });
      };
      for_all([] { return T(0); }, [](T& most, uint32_t, T share) { most = std::max(most, share); },
              [&](int64_t i, T most) { relief[i] = decay.left(most); });
      for_all([] { return LeastLeft<T>::nothing_taken(); },
              [&](LeastLeft<T>& least, uint32_t j, T share) { least.take(decay.left(share), relief[j], j); },
              [&](int64_t i, const LeastLeft<T>& least) {
                factor[rows[i]] = least.ratio;
                owner[rows[i]] = least.by < 0 ? -1 : int64_t{rows[least.by]};
              });
    }
  }
};

template <typename T, typename Score>
void run(const NmsInput& input, const MatrixParams& params, const SoftOutput& output, const Host& host) {
  const NmsOutput& walk = output.walk;
  T* factor = allocate<T>(host, input.count);
  std::fill_n(factor, input.count, T(-1));
  Matrix<T>{params}.weigh(input, rank_candidates(input, params.walk, host), factor, walk.owner, host);
  Score* scores = load_column<Score>(input.scores, input.count, host);
  bool* alive = allocate<bool>(host, input.count);
  const Score floor = Threshold<Score>::from(params.min_score, false).bound;
  for (int64_t i = 0; i < input.count; ++i) {
    alive[i] = factor[i] >= T(0);
    if (!alive[i]) continue;
    scores[i] *= static_cast<Score>(factor[i]);
    alive[i] = !(scores[i] <= floor);
    if (alive[i]) walk.owner[i] = -1;
  }
  const Ranks ranks = rank_scores(scores, alive, input.count, host);
  *walk.kept = std::min(ranks.count, params.walk.max_output);
  for (int64_t k = 0; k < input.count; ++k) {
    const bool is_kept = k < *walk.kept;
    if (is_kept) walk.keep[k] = walk.owner[ranks.rows[k]] = ranks.rows[k];
    store(output.scores, input.scores.type, k, is_kept ? scores[ranks.rows[k]] : Score(0));
  }
}

}  // namespace

void matrix_nms(const NmsInput& input, const MatrixParams& params, const SoftOutput& output, const Host& host) {
  if (!start_walk(input, output.walk)) return;
  const bool wide = input.boxes.type == Type::kFloat64, wide_scores = input.scores.type == Type::kFloat64;
  const auto kernel = wide ? (wide_scores ? run<double, double> : run<double, float>)
                           : (wide_scores ? run<float, double> : run<float, float>);
  kernel(input, params, output, host);
}

}  // namespace ptdet::cpu

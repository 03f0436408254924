// Matrix NMS: a score decays by the better box that weighs most on it, relieved by what weighs on that box itself.
#include <algorithm>

#include "math/soft_nms.h"
#include "cpu/matrix_weights.h"
#include "cpu/tree_pass.h"
#include "api/dispatch.h"

namespace ptdet::cpu {
namespace {

template <typename T>
T share_by(Metric metric, const Box<T>& box, const Box<T>& better) {
  return decay_share<T>(overlap_by(metric, box, better));
}

// An overlap of 0 weighs nothing. One above it needs an intersection, unless the measure rounds above its bound.
template <typename T>
Filter<T> filter_of(Metric metric) {
  Filter<T> filter = Filter<T>::that_intersect(metric);
  if (traits_of(metric).above_zero_apart) filter.mode = Filter<T>::Mode::kNone;
  return filter;
}

template <typename T>
class Matrix {
 public:
  Matrix(const MatrixParams& params, uint32_t capacity, const Host& host)
      : params_(params),
        host_(host),
        best_(std::min(capacity, kFew), host, Order::kShapes),
        all_(capacity, host, Order::kShapes),
        relief_(allocate<T>(host, int64_t{capacity} + kFew)) {
    uint32_t lanes = capacity;
    for (int level = 0; level < Tree<T>::kMostLevels && (level == 0 || lanes > 1); ++level) {
      lanes = (lanes + kFew - 1) / kFew;
      relief_at_[level] = allocate<T>(host, int64_t{lanes} * kFew);
    }
  }

  // One group in score order; found(i, least) of each.
  template <typename Found>
  void weigh(const Box<T>* boxes, uint32_t count, Found&& found) {
    Weights<T> all = weights_of(all_, boxes, count);
    Weights<T> best = weights_of(best_, boxes, std::min(count, kFew));
    const T untouched = all.decay.left(T(0));
    for_all(count, [&](uint32_t i) {
      const bool inert = all.tree.filter.inert(area(boxes[i]));
      relief_[i] = all.decay.left(inert ? T(0) : weight_loops<T>().most(all, boxes[i], i));
    });
    std::fill_n(relief_ + count, kFew, T(0));
    best.relief[0] = relief_;
    spread_relief(all);
    // Those before all others are relieved least: the box that leaves least is most often among them.
    for_all(count, [&](uint32_t i) {
      LeastLeft<T> least = LeastLeft<T>::nothing_taken();
      if (relief_[i] != untouched) {
        weight_loops<T>().least(best, boxes[i], i, least);
        if (i > kFew) weight_loops<T>().least(all, boxes[i], i, least);
      }
      found(i, least);
    });
  }

 private:
  static constexpr uint32_t kFew = Block<T>::kLanes;

  Weights<T> weights_of(const TreeSpace<T>& space, const Box<T>* boxes, uint32_t count) const {
    const Metric metric = params_.pass.metric;
    const Tree<T> tree = space.plant(boxes, count, filter_of<T>(metric), Role::kSelected, host_);
    return {tree, metric, traits_of(metric), matrix_decay<T>(params_), &share_by<T>, {}};
  }

  void spread_relief(Weights<T>& all) const {
    const Tree<T>& tree = all.tree;
    uint32_t lanes = tree.blocks() * kFew;
    std::fill_n(relief_at_[0], lanes, T(0));
    for (uint32_t at = 0; at < tree.count; ++at) {
      const uint32_t number = tree.member(at);
      relief_at_[0][at] = number < kFew ? T(0) : relief_[number];  // those before are compared on their own
    }
    all.relief[0] = relief_at_[0];
    for (int level = 1; level < tree.levels; ++level) {
      const uint32_t below = lanes / kFew;
      lanes = (below + kFew - 1) / kFew * kFew;
      for (uint32_t i = 0; i < lanes; ++i) {
        const T* from = relief_at_[level - 1] + int64_t{i} * kFew;
        relief_at_[level][i] = i < below ? *std::max_element(from, from + kFew) : T(0);
      }
      all.relief[level] = relief_at_[level];
    }
  }

  // Parts smaller than a thread's share: the later a box the more it asks.
  template <typename Body>
  void for_all(uint32_t count, Body&& body) const {
    const int64_t threads = parts_for(host_, 8 * static_cast<int64_t>(count));
    parallel_ranges(host_, count, threads > 1 ? 8 * threads : 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) body(static_cast<uint32_t>(i));
    });
  }

  const MatrixParams& params_;
  const Host& host_;
  const TreeSpace<T> best_, all_;
  T* relief_;                           // by number
  T* relief_at_[Tree<T>::kMostLevels];  // by level and place
};

// The same of rotated boxes, whose pairs are looked at one by one: those that may share area, each twice.
class RotatedMatrix {
  using Shape = RotatedBox<double>;

 public:
  RotatedMatrix(const MatrixParams& params, uint32_t capacity, const Host& host)
      : params_(params),
        host_(host),
        space_(capacity, host),
        hits_(capacity / Block<double>::kLanes + 2),
        relief_(allocate<double>(host, capacity)) {}

  template <typename Found>
  void weigh(const Shape* boxes, uint32_t count, Found&& found) {
    const Metric metric = params_.pass.metric;
    const auto decay = matrix_decay<double>(params_);
    const Tree<double> tree = space_.plant(boxes, count, filter_of<double>(metric), Role::kSelected, host_);
    // weighs(j, share) for each better box j that may weigh on i.
    const auto for_each_better = [&](uint32_t i, Hits* hits, auto&& weighs) {
      for_each_near(tree, boxes[i], hits, [&](uint32_t j, uint32_t) {
        if (j < i) weighs(j, decay_share(overlap_by(metric, boxes[i], boxes[j])));
      });
    };
    for_all(count, [&](uint32_t i, Hits* hits) {
      double most = 0;
      for_each_better(i, hits, [&](uint32_t, double share) { most = std::max(most, share); });
      relief_[i] = decay.left(most);
    });
    for_all(count, [&](uint32_t i, Hits* hits) {
      auto least = LeastLeft<double>::nothing_taken();
      for_each_better(i, hits, [&](uint32_t j, double share) { least.take(decay.left(share), relief_[j], j); });
      found(i, least);
    });
  }

 private:
  template <typename Body>
  void for_all(uint32_t count, Body&& body) const {
    const int64_t threads = parts_for(host_, 64 * static_cast<int64_t>(count));
    parallel_ranges(host_, count, threads > 1 ? 8 * threads : 1, [&](int64_t begin, int64_t end) {
      Hits* hits = allocate<Hits>(host_, hits_);
      for (int64_t i = begin; i < end; ++i) body(static_cast<uint32_t>(i), hits);
    });
  }

  const MatrixParams& params_;
  const Host& host_;
  const TreeSpace<double> space_;
  const int64_t hits_;
  double* relief_;  // by number
};

template <typename Shape>
using MatrixOf =
    std::conditional_t<std::is_same<Shape, RotatedBox<double>>::value, RotatedMatrix, Matrix<NumberOf<Shape>>>;

// factor[row] of a candidate: what is left of the score; owner[row]: by whom, -1 where nothing weighs on it.
template <typename Shape, typename T>
void weigh(const NmsInput& input, const MatrixParams& params, const Ranks& ranks, T* factor, int64_t* owner,
           const Host& host) {
  const Groups groups = groups_of(input, ranks, host);
  MatrixOf<Shape> matrix(params, largest_of(groups), host);
  for_each_group<NumberOf<Shape>, Shape>(input, groups, host,
                                         [&](const uint32_t* rows, uint32_t count, const Shape* boxes) {
                                           matrix.weigh(boxes, count, [&](uint32_t i, const LeastLeft<T>& least) {
                                             factor[rows[i]] = least.ratio;
                                             owner[rows[i]] = least.by < 0 ? -1 : int64_t{rows[least.by]};
                                           });
                                         });
}

template <typename Shape, typename Score>
void run(const NmsInput& input, const MatrixParams& params, const SoftOutput& output, const Host& host) {
  using T = NumberOf<Shape>;
  const NmsOutput& pass = output.pass;
  T* factor = allocate<T>(host, input.count);
  std::fill_n(factor, input.count, T(-1));
  weigh<Shape>(input, params, rank_candidates(input, params.pass, host), factor, pass.owner, host);
  Score* scores = load_column<Score>(input.scores, input.count, host);
  bool* alive = allocate<bool>(host, input.count);
  const Score floor = Threshold<Score>::from(params.min_score, false).bound;
  for (int64_t i = 0; i < input.count; ++i) {
    alive[i] = factor[i] >= T(0);
    if (!alive[i]) continue;
    scores[i] *= static_cast<Score>(factor[i]);
    alive[i] = !(scores[i] <= floor);
    if (alive[i]) pass.owner[i] = -1;
  }
  const Ranks ranks = rank_scores(scores, alive, input.count, host);
  *pass.kept = std::min(ranks.count, params.pass.max_output);
  for (int64_t k = 0; k < input.count; ++k) {
    const bool is_kept = k < *pass.kept;
    if (is_kept) pass.keep[k] = pass.owner[ranks.rows[k]] = ranks.rows[k];
    store(output.scores, input.scores.type, k, is_kept ? scores[ranks.rows[k]] : Score(0));
  }
}

}  // namespace

void matrix_nms(const NmsInput& input, const MatrixParams& params, const SoftOutput& output, const Host& host) {
  if (!start_pass(input, output.pass)) return;
  with_shape(input, [&](auto shape) {
    with_computed(input.scores.type,
                  [&](auto score) { run<decltype(shape), decltype(score)>(input, params, output, host); });
  });
}

}  // namespace ptdet::cpu

// Soft-NMS: visits the best box left, lets the scores of its neighbours decay, and asks again which is best.
#include <algorithm>
#include <atomic>

#include "core/decay.h"
#include "cpu/best_first.h"
#include "cpu/rank.h"
#include "cpu/store.h"
#include "cpu/tree.h"
#include "switch.h"

namespace ptdet::cpu {
namespace {

template <typename T, typename Score>
struct Rule {
  Metric metric;
  Decay decay;
  Threshold<T> threshold;
  Score sigma;
  Score floor;  // a score at or below it is out

  Score after(Score score, const Box<T>& visited, const Box<T>& candidate) const {
    const T overlap = overlap_by(metric, candidate, visited);
    if (decay == Decay::kGaussian) return gaussian_decay(score, overlap, sigma);
    return decay == Decay::kLinear ? linear_decay(score, overlap, threshold) : hard_decay(score, overlap, threshold);
  }
};

// A gaussian decays whatever meets; the others need what a removal needs.
template <typename T>
Filter<T> filter_of(const SoftParams& params) {
  if (params.decay == Decay::kGaussian) return {Filter<T>::Mode::kIntersects, 0, T(0), T(0)};
  return Filter<T>::from(params.walk);
}

template <typename T, typename Score>
class Soft {
  using Key = KeyOf<Score>;

 public:
  Soft(const NmsInput& input, const SoftParams& params, const SoftOutput& output, const Host& host)
      : input_(input),
        params_(params),
        output_(output),
        host_(host),
        filter_(filter_of<T>(params)),
        rule_{params.walk.metric, params.decay, Threshold<T>::from(params.walk.iou_threshold, params.walk.inclusive),
              static_cast<Score>(params.sigma), Threshold<Score>::from(params.min_score, false).bound},
        scores_(load_column<Score>(input.scores, input.count, host)) {}

  void run() {
    *output_.walk.kept = 0;
    if (input_.groups.data && any_id_is_nan(input_.groups, input_.count)) *output_.walk.kept = kGroupIsNan;
    for (int64_t i = 0; i < input_.count; ++i)
      if (scores_[i] < Score(0)) *output_.walk.kept = kScoreIsNegative;
    if (*output_.walk.kept < 0) return;
    std::fill_n(output_.walk.owner, input_.count, -1);
    const Ranks ranks =
        rank_scores(scores_, takes_part(params_.walk, scores_, input_.count, host_), input_.count, host_);
    const Groups groups = groups_of(input_, ranks, host_);
    const uint32_t largest = largest_of(groups);
    const int64_t workers = std::min<int64_t>(groups.count, parts_for(host_, 8 * ranks.count));
    std::atomic<uint32_t> next{0};
    parallel_for(host_, workers, [&](int64_t) {
      Worker worker(largest, host_);
      for (uint32_t g; (g = next++) < groups.count;)
        walk(groups.rows + groups.starts[g], groups.starts[g + 1] - groups.starts[g], worker);
    });
    write();
  }

 private:
  struct Worker {
    Worker(uint32_t capacity, const Host& host)
        : space(capacity, host), best(capacity, host), boxes(allocate<Box<T>>(host, capacity)) {}
    TreeSpace<T> space;
    BestFirst<Key> best;
    Box<T>* boxes;
  };

  bool out(Score score) const { return score <= rule_.floor; }

  // One group; `rows` in the order of the scores as given.
  void walk(const uint32_t* rows, uint32_t count, Worker& worker) {
    while (count > 0 && out(scores_[rows[count - 1]])) --count;
    if (count == 0) return;
    gather_boxes(input_.boxes, rows, 0, count, worker.boxes);
    Tree<T> tree = worker.space.plant(worker.boxes, count, filter_, host_);
    if (!params_.reselect) {
      for (uint32_t i = 0; i < count; ++i)
        if (!out(scores_[rows[i]])) visit(tree, rows, i, worker, [](uint32_t, Score) {}, [](uint32_t, uint64_t) {});
      return;
    }
    BestFirst<Key>& best = worker.best;
    best.reset(count);
    for (uint32_t i = 0; i < count; ++i) best.set(tree.place[i], score_key(scores_[rows[i]]), rows[i]);
    best.play();
    for (int64_t emitted = 0; emitted < params_.walk.max_output; ++emitted) {
      const uint32_t at = best.best();
      if (at == BestFirst<Key>::kNobodyLeft) return;
      best.change(at, BestFirst<Key>::kGone);
      best.settle(at / 64, uint64_t(1) << at % 64);
      visit(
          tree, rows, tree.member[at], worker,
          [&](uint32_t place, Score score) {
            best.change(place, out(score) ? BestFirst<Key>::kGone : score_key(score));
          },
          [&](uint32_t block, uint64_t changed) { best.settle(block, changed); });
    }
  }

  // changed(place, score) for each neighbour, then settled(block, places) for each block of them.
  template <typename Changed, typename Settled>
  void visit(Tree<T>& tree, const uint32_t* rows, uint32_t visited, const Worker& worker, Changed&& changed,
             Settled&& settled) {
    const Box<T>& box = worker.boxes[visited];
    output_.walk.owner[rows[visited]] = rows[visited];
    tree.remove(tree.place[visited]);
    uint32_t block = 0;
    uint64_t lanes = 0;
    for_each_near(tree, filter_, box, worker.space.hits, [&](uint32_t member, uint32_t place) {
      const uint32_t row = rows[member];
      const Score score = rule_.after(scores_[row], box, worker.boxes[member]);
      if (score == scores_[row]) return;
      if (place / 64 != block) {
        if (lanes) settled(block, lanes);
        block = place / 64, lanes = 0;
      }
      lanes |= uint64_t(1) << place % 64;
      scores_[row] = score;
      changed(place, score);
      if (!out(score)) return;
      output_.walk.owner[row] = rows[visited];
      tree.remove(place);
    });
    if (lanes) settled(block, lanes);
  }

  void write() {
    bool* visited = allocate<bool>(host_, input_.count);
    for (int64_t i = 0; i < input_.count; ++i) visited[i] = output_.walk.owner[i] == i;
    const Ranks ranks = rank_scores(scores_, visited, input_.count, host_);
    const int64_t kept = std::min(ranks.count, params_.walk.max_output);
    for (int64_t k = 0; k < input_.count; ++k) {
      output_.walk.keep[k] = k < kept ? static_cast<int64_t>(ranks.rows[k]) : -1;
      store(output_.scores, input_.scores.type, k, k < kept ? scores_[ranks.rows[k]] : Score(0));
    }
    *output_.walk.kept = kept;
    if (kept == ranks.count) return;
    for (int64_t k = kept; k < ranks.count; ++k) visited[ranks.rows[k]] = false;
    for (int64_t i = 0; i < input_.count; ++i) {
      int64_t& by = output_.walk.owner[i];
      if (by >= 0 && !visited[by]) by = -1;
    }
  }

  const NmsInput& input_;
  const SoftParams& params_;
  const SoftOutput& output_;
  const Host& host_;
  const Filter<T> filter_;
  const Rule<T, Score> rule_;
  Score* scores_;  // as they are now
};

template <typename T>
void run(const NmsInput& input, const SoftParams& params, const SoftOutput& output, const Host& host) {
  if (input.scores.type == Type::kFloat64)
    Soft<T, double>(input, params, output, host).run();
  else
    Soft<T, float>(input, params, output, host).run();
}

}  // namespace

void soft_nms(const NmsInput& input, const SoftParams& params, const SoftOutput& output, const Host& host) {
  if (input.boxes.type == Type::kFloat64)
    run<double>(input, params, output, host);
  else
    run<float>(input, params, output, host);
}

}  // namespace ptdet::cpu

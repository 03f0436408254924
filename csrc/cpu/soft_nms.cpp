// Soft-NMS: selects the best box left, lets the scores of its neighbours decay, and asks again which is best.
#include <algorithm>
#include <atomic>

#include "cpu/tournament_tree.h"
#include "cpu/tree_pass.h"

namespace ptdet::cpu {
namespace {

// shape_of(lane): the shape there.
template <typename T, typename Score, typename Shape, typename ShapeOf>
Fallen let_decay(const SoftRule<T, Score>& rule, const Shape& selected, uint64_t lanes, const BlockScores<Score>& at,
                 ShapeOf&& shape_of) {
  Fallen fallen;
  for (; lanes; lanes &= lanes - 1) {
    const int i = __builtin_ctzll(lanes);
    const uint64_t lane = uint64_t(1) << i;
    const Score after = rule.after(at.scores[i], overlap_by(rule.metric, shape_of(i), selected));
    if (after == at.scores[i]) continue;
    const bool out = after <= rule.floor;
    at.scores[i] = after;
    at.keys[i] = out ? BlockScores<Score>::kGone : score_key(after);
    fallen.lanes |= lane;
    fallen.some_rose |= after != after;
    if (out) fallen.gone |= lane;
  }
  return fallen;
}

// Can a measure be above 0 although the boxes share no area? By its formula, by its rounding, or by more where areas
// have lost digits. A gaussian of its rounding is 1, unless sigma is small or the scores have more digits than the
// boxes.
template <typename Shape, typename Score>
bool apart_can_decay(const NmsInput& input, const SoftParams& params) {
  using T = NumberOf<Shape>;
  const MetricTraits traits = traits_of(params.pass.metric);
  if (!traits.above_zero_apart) return false;
  if (!std::is_same<Shape, Box<T>>::value) return true;
  if (traits.bound == Bound::kMeanOfOneAndIou) return true;
  if (params.sigma < 1e-3 || sizeof(Score) > sizeof(T)) return true;
  bool found = false;
  with_type(input.boxes.type, input.boxes.data, [&](const auto* data) {
    for (int64_t i = 0; i < input.count && !found; ++i) {
      const T size = area(box_at<T>(data + i * input.boxes.row_stride, input.boxes.column_stride));
      found = size > T(0) && Filter<T>::too_small(size);
    }
  });
  return found;
}

// A register takes no NaN for the smaller of two areas, nor for a side of the enclosing box. It matters only where
// boxes apart decay too.
bool keeps_nan(Bound bound) { return bound != Bound::kOverSmaller && bound != Bound::kMeanOfOneAndIou; }

// A gaussian decays whatever meets; the others need what a removal needs.
template <typename Shape, typename Score>
Filter<NumberOf<Shape>> filter_of(const NmsInput& input, const SoftParams& params) {
  using T = NumberOf<Shape>;
  if (params.decay != Decay::kGaussian) return Filter<T>::from(params.pass);
  if (apart_can_decay<Shape, Score>(input, params)) return {Filter<T>::Mode::kNone, 0, 0, 0, params.pass.metric};
  return Filter<T>::that_intersect(params.pass.metric);
}

template <typename Shape, typename Score>
class Soft {
  using T = NumberOf<Shape>;
  static constexpr bool kIsAligned = std::is_same<Shape, Box<T>>::value;

 public:
  Soft(const NmsInput& input, const SoftParams& params, const SoftOutput& output, const Host& host)
      : input_(input),
        params_(params),
        output_(output),
        host_(host),
        filter_(filter_of<Shape, Score>(input, params)),
        rule_(SoftRule<T, Score>::from(params)),
        in_registers_(keeps_nan(traits_of(rule_.metric).bound) || filter_.needs_intersection()),
        scores_(load_column<Score>(input.scores, input.count, host)) {}

  void run() {
    *output_.pass.kept = 0;
    if (input_.groups.data && any_id_is_nan(input_.groups, input_.count)) *output_.pass.kept = kGroupIsNan;
    for (int64_t i = 0; i < input_.count; ++i)
      if (scores_[i] < Score(0)) *output_.pass.kept = kScoreIsNegative;
    if (*output_.pass.kept < 0) return;
    std::fill_n(output_.pass.owner, input_.count, -1);
    const Ranks ranks =
        rank_scores(scores_, takes_part(params_.pass, scores_, input_.count, host_), input_.count, host_);
    const Groups groups = groups_of(input_, ranks, host_);
    const uint32_t largest = largest_of(groups);
    const int64_t workers = std::min<int64_t>(groups.count, parts_for(host_, 8 * ranks.count));
    std::atomic<uint32_t> next{0};
    parallel_for(host_, workers, [&](int64_t) {
      Worker worker(largest, host_);
      for (uint32_t g; (g = next++) < groups.count;)
        pass(groups.rows + groups.starts[g], groups.starts[g + 1] - groups.starts[g], worker);
    });
    write();
  }

 private:
  struct Worker {
    Worker(uint32_t capacity, const Host& host)
        : space(capacity, host), best(capacity, host), boxes(allocate<Shape>(host, capacity)) {}
    TreeSpace<T> space;
    TournamentTree<Score> best;  // by place in the tree
    Shape* boxes;
  };

  bool out(Score score) const { return score <= rule_.floor; }

  // One group; `rows` in the order of the scores as given.
  void pass(const uint32_t* rows, uint32_t count, Worker& worker) {
    while (count > 0 && out(scores_[rows[count - 1]])) --count;
    if (count == 0) return;
    gather_boxes(input_.boxes, rows, 0, count, worker.boxes);
    Tree<T> tree = worker.space.plant(worker.boxes, count, filter_, Role::kCandidate, host_);
    TournamentTree<Score>& best = worker.best;
    best.reset(count);
    for (uint32_t at = 0; at < count; ++at) best.set(at, scores_[rows[tree.member(at)]], rows[tree.member(at)]);
    if (params_.reselect) {
      best.play();
      for (int64_t emitted = 0; emitted < params_.pass.max_output; ++emitted) {
        const uint32_t at = best.best();
        if (at == TournamentTree<Score>::kNobodyLeft) break;
        best.take(at);
        select_box(tree, rows, at, worker, [&](uint32_t block, const Fallen& fallen) { best.settle(block, fallen); });
      }
    } else {
      for (uint32_t i = 0; i < count; ++i)
        if (!out(best.score(tree.place[i])))
          select_box(tree, rows, tree.place[i], worker, [](uint32_t, const Fallen&) {});
    }
    for (uint32_t at = 0; at < count; ++at) scores_[rows[tree.member(at)]] = best.score(at);
  }

  // changed(block, which) for each block in which scores fell.
  template <typename Changed>
  void select_box(Tree<T>& tree, const uint32_t* rows, uint32_t at, const Worker& worker, Changed&& changed) {
    const uint32_t selected = tree.member(at);
    const Shape& box = worker.boxes[selected];
    output_.pass.owner[rows[selected]] = rows[selected];
    tree.remove(at);
    const uint32_t found = search(tree, box, worker.space.hits);
    for (const Hits* hits = worker.space.hits; hits < worker.space.hits + found; ++hits) {
      const Fallen fallen = decay_block(tree, box, *hits, worker);
      for (uint64_t lanes = fallen.gone; lanes; lanes &= lanes - 1) {
        const uint32_t place = hits->block * Block<T>::kLanes + static_cast<uint32_t>(__builtin_ctzll(lanes));
        output_.pass.owner[rows[tree.member(place)]] = rows[selected];
        tree.remove(place);
      }
      if (fallen.lanes) changed(hits->block, fallen);
    }
  }

  Fallen decay_block(const Tree<T>& tree, const Shape& selected, const Hits& hits, const Worker& worker) const {
    const BlockScores<Score> at = worker.best.block(hits.block);
    if constexpr (kIsAligned) {
      const Block<T>& block = tree.level[0][hits.block];
      if constexpr (std::is_same_v<T, Score>)
        if (in_registers_) return decay_loops<Score>().decay(rule_, selected, block, hits.lanes, at);
      return let_decay(rule_, selected, hits.lanes, at, [&](int lane) {
        return Box<T>{block.x1[lane], block.y1[lane], block.x2[lane], block.y2[lane]};
      });
    } else {
      const uint32_t* numbers = tree.first[0] + hits.block * Block<T>::kLanes;
      return let_decay(rule_, selected, hits.lanes, at,
                       [&](int lane) -> const Shape& { return worker.boxes[numbers[lane]]; });
    }
  }

  void write() {
    bool* selected = allocate<bool>(host_, input_.count);
    for (int64_t i = 0; i < input_.count; ++i) selected[i] = output_.pass.owner[i] == i;
    const Ranks ranks = rank_scores(scores_, selected, input_.count, host_);
    const int64_t kept = std::min(ranks.count, params_.pass.max_output);
    for (int64_t k = 0; k < input_.count; ++k) {
      output_.pass.keep[k] = k < kept ? static_cast<int64_t>(ranks.rows[k]) : -1;
      store(output_.scores, input_.scores.type, k, k < kept ? scores_[ranks.rows[k]] : Score(0));
    }
    *output_.pass.kept = kept;
    if (kept == ranks.count) return;
    for (int64_t k = kept; k < ranks.count; ++k) selected[ranks.rows[k]] = false;
    for (int64_t i = 0; i < input_.count; ++i) {
      int64_t& by = output_.pass.owner[i];
      if (by >= 0 && !selected[by]) by = -1;
    }
  }

  const NmsInput& input_;
  const SoftParams& params_;
  const SoftOutput& output_;
  const Host& host_;
  const Filter<T> filter_;
  const SoftRule<T, Score> rule_;
  // A register takes no NaN for the smaller of two areas; it matters only where boxes apart decay too.
  const bool in_registers_;
  Score* scores_;  // as they are now
};

}  // namespace

void soft_nms(const NmsInput& input, const SoftParams& params, const SoftOutput& output, const Host& host) {
  with_shape(input, [&](auto shape) {
    with_computed(input.scores.type,
                  [&](auto score) { Soft<decltype(shape), decltype(score)>(input, params, output, host).run(); });
  });
}

}  // namespace ptdet::cpu

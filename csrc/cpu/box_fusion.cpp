// Weighted boxes fusion: in decreasing score each box joins the fused box it overlaps most, or founds one. A fused
// box moves with each member, so all of a group's are compared, side by side in blocks.
#include <algorithm>

#include "math/box_fusion.h"
#include "math/threshold.h"
#include "cpu/ordinary.h"
#include "cpu/candidates.h"
#include "cpu/shapes.h"

namespace ptdet::cpu {
namespace {

template <typename Shape, typename Mean>
struct Cluster {
  Fused<NumberOf<Shape>, Mean> fused;
  Shape box;  // as it is fused now
  uint32_t founder;
};

template <typename Shape, typename Mean>
class Fusion {
  using T = NumberOf<Shape>;
  using Cluster = cpu::Cluster<Shape, Mean>;

 public:
  Fusion(const WbfInput& input, const WbfParams& params, const WbfOutput& output, const Host& host)
      : input_(input),
        params_(params),
        output_(output),
        host_(host),
        filter_(Filter<T>::from(params.pass)),
        threshold_(Threshold<T>::from(params.pass.iou_threshold, params.pass.inclusive)),
        boxes_(load_shapes<Shape>(input.pass.boxes, count(), host)),
        scores_(load_column<T>(input.pass.scores, count(), host)) {}

  // Whether Mean is made for these numbers; if it is not, nothing has been done.
  bool run() {
    *output_.pass.kept = 0;
    if (input_.pass.groups.data && any_id_is_nan(input_.pass.groups, count())) *output_.pass.kept = kGroupIsNan;
    if (!load_models()) *output_.pass.kept = kModelIsUnknown;
    if (*output_.pass.kept < 0) return true;
    std::fill_n(output_.pass.owner, count(), -1);
    const Ranks ranks = rank();
    if constexpr (std::is_same_v<Mean, OrdinaryMean<T>>) {
      const int64_t models = input_.model_count;
      const bool ordinary = all_ordinary(boxes_, count()) && all_ordinary(scores_, count()) && models < 1 << 16 &&
                            all_ordinary(weights_, models);
      if (!ordinary) return false;
    }
    const Groups groups = groups_of(input_.pass, ranks, host_);
    clusters_ = allocate<Cluster>(host_, ranks.count);
    cluster_of_ = allocate<uint32_t>(host_, count());
    blocks_ = allocate<Block<T>>(host_, largest_of(groups) / Block<T>::kLanes + 1);
    for (uint32_t g = 0; g < groups.count; ++g)
      fuse(groups.rows + groups.starts[g], groups.starts[g + 1] - groups.starts[g]);
    write(groups, ranks.count);
    return true;
  }

 private:
  int64_t count() const { return input_.pass.count; }

  bool load_models() {
    weights_ = allocate<T>(host_, input_.model_count);
    std::fill_n(weights_, input_.model_count, T(1));
    if (input_.weights.data) weights_ = load_column<T>(input_.weights, input_.model_count, host_);
    models_ = allocate<int64_t>(host_, count());
    std::fill_n(models_, count(), int64_t(0));
    if (input_.models.data) models_ = load_column<int64_t>(input_.models, count(), host_);
    return std::all_of(models_, models_ + count(), [&](int64_t m) { return m >= 0 && m < input_.model_count; });
  }

  // By weighted score; score_threshold looks at the score as given.
  Ranks rank() {
    const NmsParams& pass = params_.pass;
    const bool* part = with_computed(input_.pass.scores.type, [&](auto score) {
      return takes_part(pass, load_column<decltype(score)>(input_.pass.scores, count(), host_), count(), host_);
    });
    for (int64_t i = 0; i < count(); ++i) scores_[i] = scores_[i] * weights_[models_[i]];
    return rank_scores(scores_, part, count(), host_);
  }

  void set_lane(uint32_t at, const Shape& shape) {
    const Box<T>& box = bounds(shape);
    Block<T>& block = blocks_[at / Block<T>::kLanes];
    const uint32_t lane = at % Block<T>::kLanes;
    const T box_area = area(shape);
    block.x1[lane] = box.x1, block.y1[lane] = box.y1, block.x2[lane] = box.x2, block.y2[lane] = box.y2;
    block.limit[lane] = filter_.inert(box_area) ? kNeverMet<T> : filter_.limit(box_area, Role::kSelected);
  }

  // The cluster of one group whose box this one overlaps most, the first of equals; `found` if none enough.
  uint32_t most_overlapped(const Shape& box, const Cluster* clusters, uint32_t found) const {
    const T box_area = area(box);
    uint32_t best = found;
    T most = -T(INFINITY);
    if (filter_.inert(box_area)) return found;
    for (uint32_t b = 0; b * Block<T>::kLanes < found; ++b) {
      uint64_t lanes = meets(blocks_[b], bounds(box), filter_.limit(box_area, Role::kCandidate));
      for (; lanes; lanes &= lanes - 1) {
        const uint32_t at = b * Block<T>::kLanes + static_cast<uint32_t>(__builtin_ctzll(lanes));
        const T overlap = overlap_by(params_.pass.metric, box, clusters[at].box);
        if (!threshold_.met_by(overlap) || !(overlap > most)) continue;
        most = overlap, best = at;
      }
    }
    return best;
  }

  uint64_t meets(const Block<T>& block, const Box<T>& box, T limit) const {
    if constexpr (sizeof(T) == 8)
      return simd().box_tree.meets_double(block, box, limit, filter_.takes_lesser());
    else
      return simd().box_tree.meets_float(block, box, limit, filter_.takes_lesser());
  }

  void fuse(const uint32_t* rows, uint32_t members) {
    Cluster* clusters = clusters_ + found_;
    uint32_t found = 0;
    for (uint32_t i = 0; i < members; ++i) {
      const uint32_t row = rows[i];
      const Shape& box = boxes_[row];
      const uint32_t at = most_overlapped(box, clusters, found);
      if (at == found) {
        clusters[found] = {{Mean::about(box)}, box, row};
        if (found % Block<T>::kLanes == 0)
          std::fill_n(blocks_[found / Block<T>::kLanes].limit, Block<T>::kLanes, kNeverMet<T>);
        ++found;
      }
      Cluster& cluster = clusters[at];
      cluster.fused.add(box, scores_[row], weights_[models_[row]], cluster.box);
      set_lane(at, cluster.box);
      output_.pass.owner[row] = cluster.founder;
      cluster_of_[row] = static_cast<uint32_t>(found_) + at;
    }
    found_ += found;
  }

  // `of` null: of all models.
  T sum_of_weights(const bool* of, bool value) const {
    T sum = T(0);
    for (int64_t m = 0; m < input_.model_count; ++m)
      if (!of || of[m] == value) sum = sum + weights_[m];
    return sum;
  }

  // Rows cluster by cluster: `starts` of each cluster in `rows`.
  void list_members(const Groups& groups, int64_t candidates, uint32_t* starts, uint32_t* rows) const {
    std::fill_n(starts, found_ + 2, 0u);
    for (int64_t i = 0; i < candidates; ++i) ++starts[cluster_of_[groups.rows[i]] + 2];
    for (int64_t c = 2; c < found_ + 2; ++c) starts[c] += starts[c - 1];
    for (int64_t i = 0; i < candidates; ++i) rows[starts[cluster_of_[groups.rows[i]] + 1]++] = groups.rows[i];
  }

  void write(const Groups& groups, int64_t candidates) {
    uint32_t* starts = allocate<uint32_t>(host_, found_ + 2);
    uint32_t* rows = allocate<uint32_t>(host_, candidates);
    list_members(groups, candidates, starts, rows);
    T* confidences = allocate<T>(host_, count());
    bool* is_founder = allocate<bool>(host_, count());
    bool* present = allocate<bool>(host_, input_.model_count);
    const ModelWeights<T> models{input_.model_count, sum_of_weights(nullptr, true),
                                 *std::max_element(weights_, weights_ + input_.model_count)};
    std::fill_n(is_founder, count(), false);
    std::fill_n(present, input_.model_count, false);
    for (int64_t c = 0; c < found_; ++c) {
      for (uint32_t i = starts[c]; i < starts[c + 1]; ++i) present[models_[rows[i]]] = true;
      is_founder[clusters_[c].founder] = true;
      const T counted = sum_of_weights(present, params_.confidence == Confidence::kBoxAndModel);
      confidences[clusters_[c].founder] = fused_confidence(params_, clusters_[c].fused, models, counted);
      for (uint32_t i = starts[c]; i < starts[c + 1]; ++i) present[models_[rows[i]]] = false;
    }
    const Ranks best = rank_scores(confidences, is_founder, count(), host_);
    const int64_t kept = std::min(best.count, params_.pass.max_output);
    for (int64_t k = 0; k < count(); ++k) {
      const int64_t row = k < kept ? static_cast<int64_t>(best.rows[k]) : -1;
      output_.pass.keep[k] = row;
      store_box(output_.fused, input_.pass.boxes.type, k, row < 0 ? Shape{} : clusters_[cluster_of_[row]].box);
      store(output_.scores, input_.pass.scores.type, k, row < 0 ? T(0) : confidences[row]);
    }
    *output_.pass.kept = kept;
    for (int64_t k = kept; k < best.count; ++k) is_founder[best.rows[k]] = false;
    for (int64_t i = 0; i < count(); ++i) {
      int64_t& by = output_.pass.owner[i];
      if (by >= 0 && !is_founder[by]) by = -1;
    }
  }

  const WbfInput& input_;
  const WbfParams& params_;
  const WbfOutput& output_;
  const Host& host_;
  const Filter<T> filter_;
  const Threshold<T> threshold_;
  const Shape* boxes_;
  T* scores_;  // weighted
  T* weights_ = nullptr;
  int64_t* models_ = nullptr;
  Cluster* clusters_ = nullptr;
  uint32_t* cluster_of_ = nullptr;  // [row of a candidate]
  Block<T>* blocks_ = nullptr;      // the fused boxes of the group at hand
  int64_t found_ = 0;               // clusters so far
};

template <typename Shape>
void fuse(const WbfInput& input, const WbfParams& params, const WbfOutput& output, const Host& host) {
  using T = NumberOf<Shape>;
  if constexpr (kIsRotated<Shape>) {
    Fusion<Shape, RotatedMean>(input, params, output, host).run();
  } else if (!Fusion<Shape, OrdinaryMean<T>>(input, params, output, host).run()) {
    Fusion<Shape, WeightedMean<T>>(input, params, output, host).run();
  }
}

}  // namespace

void wbf(const WbfInput& input, const WbfParams& params, const WbfOutput& output, const Host& host) {
  with_shape(input.pass, [&](auto shape) { fuse<decltype(shape)>(input, params, output, host); });
}

}  // namespace ptdet::cpu

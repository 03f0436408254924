// Merge: hard NMS, then each kept box becomes the weighted mean of its members, added in score order.
#include <algorithm>
#include <new>

#include "math/threshold.h"
#include "cpu/ordinary.h"
#include "cpu/candidates.h"
#include "cpu/shapes.h"

namespace ptdet::cpu {
namespace {

template <typename Shape>
class Merger {
  using T = NumberOf<Shape>;

 public:
  Merger(const NmsInput& input, const MergeParams& params, const MergeOutput& output, const Host& host)
      : input_(input),
        params_(params),
        output_(output),
        host_(host),
        filter_(Filter<T>::from(params.pass)),
        threshold_(Threshold<T>::from(params.pass.iou_threshold, params.pass.inclusive)),
        ranks_(rank_candidates(input, params.pass, host)),
        boxes_(load_shapes<Shape>(input.boxes, input.count, host)),
        weights_(load_column<T>(input.scores, input.count, host)),
        place_(allocate<uint32_t>(host, input.count)) {
    for (int64_t k = 0; k < kept(); ++k) place_[output.pass.keep[k]] = static_cast<uint32_t>(k);
  }

  void run() {
    if (params_.members == Members::kBest) {
      find_best();
      cut();
    }
    if constexpr (kIsRotated<Shape>) {
      merge<RotatedMean>();
    } else {
      // An overlap that is a factor is above the threshold.
      const bool near_one = !params_.by_overlap || threshold_.bound >= T(1) / 16;
      if (near_one && all_ordinary(boxes_, input_.count) && all_ordinary(weights_, input_.count))
        merge<OrdinaryMean<T>>();
      else
        merge<WeightedMean<T>>();
    }
    const size_t row = static_cast<size_t>(kNumbers<Shape> * bytes_of(input_.boxes.type));
    const size_t used = row * static_cast<size_t>(kept());
    std::fill_n(static_cast<char*>(output_.merged) + used, row * static_cast<size_t>(input_.count) - used, char(0));
  }

 private:
  int64_t kept() const { return *output_.pass.kept; }

  template <typename Mean>
  void merge() {
    if (params_.members == Members::kCluster || params_.members == Members::kBest)
      merge_clusters<Mean>();
    else
      merge_overlapping<Mean>();
  }

  template <typename Mean>
  PTDET_HD void add(Mean& mean, int64_t row, int64_t of) const {
    if (!params_.by_overlap || row == of)
      mean.add(boxes_[row], weights_[row]);
    else
      mean.add(boxes_[row], weights_[row], overlap_by(params_.pass.metric, boxes_[row], boxes_[of]));
  }

  template <typename Mean>
  void write(int64_t row, const Mean& mean) {
    store_box(output_.merged, input_.boxes.type, place_[row], mean.or_else(boxes_[row]));
  }

  template <typename Mean>
  void merge_clusters() {
    Mean* means = allocate<Mean>(host_, kept());
    for (int64_t k = 0; k < kept(); ++k) means[k] = Mean::about(boxes_[output_.pass.keep[k]]);
    for (int64_t r = 0; r < ranks_.count; ++r) {
      const int64_t row = ranks_.rows[r], by = output_.pass.owner[row];
      if (by >= 0) add(means[place_[by]], row, by);
    }
    for (int64_t k = 0; k < kept(); ++k) write(output_.pass.keep[k], means[k]);
  }

  // As cpu::for_each_group, with space for a tree of each.
  template <typename Visit>
  void with_space_for_each_group(Visit&& visit) {
    const Groups groups = groups_of(input_, ranks_, host_);
    space_ = new (allocate<TreeSpace<T>>(host_, 1)) TreeSpace<T>(largest_of(groups), host_);
    for_each_group<T, Shape>(input_, groups, host_, visit);
  }

  template <typename Mean>
  void merge_overlapping() {
    uint32_t* met = allocate<uint32_t>(host_, ranks_.count);
    with_space_for_each_group([&](const uint32_t* rows, uint32_t count, const Shape* members) {
      const Tree<T> tree = space_->plant(members, count, filter_, Role::kCandidate, host_);
      for (uint32_t i = 0; i < count; ++i) {
        if (output_.pass.owner[rows[i]] != rows[i]) continue;
        uint32_t found = 0;
        met[found++] = i;
        for_each_met(tree, members, members[i], params_.pass.metric, threshold_, space_->hits,
                     [&](uint32_t j, uint32_t, T) {
                       if (j != i && (j > i || params_.members != Members::kLater)) met[found++] = j;
                     });
        std::sort(met, met + found);
        Mean mean = Mean::about(members[i]);
        for (uint32_t m = 0; m < found; ++m) add(mean, rows[met[m]], rows[i]);
        write(rows[i], mean);
      }
    });
  }

  // Under kBest owners are the kept box before that overlaps most, the first of equals.
  void find_best() {
    const uint32_t all = static_cast<uint32_t>(ranks_.count);
    Shape* kept_boxes = allocate<Shape>(host_, all);
    uint32_t* kept_at = allocate<uint32_t>(host_, all);
    with_space_for_each_group([&](const uint32_t* rows, uint32_t count, const Shape* members) {
      uint32_t kept_here = 0;
      for (uint32_t i = 0; i < count; ++i)
        if (output_.pass.owner[rows[i]] == rows[i]) kept_boxes[kept_here] = members[i], kept_at[kept_here++] = i;
      const Tree<T> tree = space_->plant(kept_boxes, kept_here, filter_, Role::kSelected, host_);
      for (uint32_t i = 0; i < count; ++i) {
        if (output_.pass.owner[rows[i]] == rows[i]) continue;
        T most = -T(INFINITY);
        uint32_t best = kept_here;
        for_each_met(tree, kept_boxes, members[i], params_.pass.metric, threshold_, space_->hits,
                     [&](uint32_t k, uint32_t, T overlap) {
                       if (kept_at[k] > i || overlap < most || (overlap == most && k > best)) return;
                       most = overlap, best = k;
                     });
        if (best < kept_here) output_.pass.owner[rows[i]] = rows[kept_at[best]];
      }
    });
  }

  // Owners are settled among all kept boxes before max_output cuts the list.
  void cut() {
    const int64_t limit = params_.pass.max_output;
    if (kept() <= limit) return;
    for (int64_t row = 0; row < input_.count; ++row) {
      int64_t& by = output_.pass.owner[row];
      if (by >= 0 && place_[by] >= limit) by = -1;
    }
    std::fill(output_.pass.keep + limit, output_.pass.keep + kept(), -1);
    *output_.pass.kept = limit;
  }

  const NmsInput& input_;
  const MergeParams& params_;
  const MergeOutput& output_;
  const Host& host_;
  const Filter<T> filter_;
  const Threshold<T> threshold_;
  const Ranks ranks_;
  const Shape* boxes_;
  const T* weights_;
  uint32_t* place_;  // of a kept row among the kept
  const TreeSpace<T>* space_ = nullptr;
};

template <typename Shape>
void merge(const NmsInput& input, const MergeParams& params, const MergeOutput& output, const Host& host) {
  NmsParams pass = params.pass;
  if (params.members == Members::kBest) pass.max_output = input.count;
  hard_nms<Shape>(input, pass, output.pass, host);
  if (*output.pass.kept >= 0) Merger<Shape>(input, params, output, host).run();
}

}  // namespace

void merge_nms(const NmsInput& input, const MergeParams& params, const MergeOutput& output, const Host& host) {
  with_shape(input, [&](auto shape) { merge<decltype(shape)>(input, params, output, host); });
}

}  // namespace ptdet::cpu

// Runs the greedy pass over group after group, in memory that is used again.
#pragma once

#include <algorithm>
#include <cmath>
#include <new>

#include "cpu/box_grid.h"
#include "cpu/simd/simd_table.h"
#include "cpu/parallel.h"
#include "cpu/box_tree.h"
#include "cpu/simd/greedy_pass.h"
#include "api/dispatch.h"

namespace ptdet::cpu {

template <typename T>
class PassRunner {
 public:
  PassRunner(const NmsParams& params, bool want_owner, const Host& host)
      : host_(host), max_output_(params.max_output), pool_(host) {
    job_.max_output = max_output_;
    job_.ends_at_limit = !want_owner;
    job_.want_owner = want_owner;
    job_.filter = Filter<T>::from(params);
    job_.threshold = Threshold<T>::from(params.iou_threshold, params.inclusive, params.beta);
    job_.is_iou = params.metric == Metric::kIou;
    job_.suppresses = suppression_of<T>(params);
    job_.may_meet = loops().may_meet;
    job_.pool = &pool_;
  }

  // Boxes in score order; see GroupPass for `border` and `suppressors`.
  void run(const Box<T>* boxes, uint32_t count, const bool* border, uint32_t* suppressors) {
    job_.boxes = boxes;
    job_.count = count;
    job_.border = border;
    job_.suppressor = suppressors;
    job_.grid = lay_out_grid(boxes, count, job_.filter, host_, grid_) ? &grid_ : nullptr;
    pool_.reset();
    empty_buckets(job_.grid ? static_cast<int64_t>(grid_.bucket_mask) + 1 : 1);
    if (count > kManyKept && !job_.grid && !border && max_output_ > kManyKept && job_.filter.needs_intersection())
      return run_with_tree();
    loops().run(job_);
  }

 private:
  // From so many kept boxes on, a tree finds them faster than one bucket does.
  static constexpr int64_t kManyKept = 512;

  static const PassLoops<T>& loops() { return loops_of<T>(simd().greedy_pass); }

  void run_with_tree() {
    const GroupPass<T> whole = job_;
    job_.max_output = kManyKept;
    job_.ends_at_limit = true;
    loops().run(job_);
    job_ = whole;
    const uint32_t* end = std::find(job_.suppressor, job_.suppressor + job_.count, kNobody);
    const auto reached = static_cast<uint32_t>(end - job_.suppressor);
    if (reached == job_.count) return;
    // Blocks of a tree are of all boxes: where most are removed and positions do not separate the rest, one bucket is
    // faster.
    if (4 * kManyKept >= reached || are_spread()) return go_on_with_tree(reached);
    pool_.reset();
    empty_buckets(1);
    loops().run(job_);
  }

  // Does a box cover little of what all cover, on average?
  bool are_spread() const {
    double sum = 0, min_x = INFINITY, min_y = INFINITY, max_x = -INFINITY, max_y = -INFINITY;
    for (uint32_t i = 0; i < job_.count; ++i) {
      const Box<T>& b = job_.boxes[i];
      if (job_.filter.inert(area(b))) continue;
      sum += static_cast<double>(area(b));
      min_x = std::min<double>(min_x, b.x1), min_y = std::min<double>(min_y, b.y1);
      max_x = std::max<double>(max_x, b.x2), max_y = std::max<double>(max_y, b.y2);
    }
    return 32 * sum < (max_x - min_x) * (max_y - min_y) * job_.count;
  }

  // The rest of the pass, in a tree of all boxes where those kept can be met.
  void go_on_with_tree(uint32_t from) {
    if (job_.count > tree_room_) {
      space_ = new (allocate<TreeSpace<T>>(host_, 1)) TreeSpace<T>(job_.count, host_);
      tree_room_ = job_.count;
    }
    Tree<T> tree = space_->plant(job_.boxes, job_.count, job_.filter, Role::kSelected, host_);
    tree.clear();
    const auto enter = [&](uint32_t i) {
      const T box_area = area(job_.boxes[i]);
      if (!job_.filter.inert(box_area)) tree.restore(tree.place[i], job_.filter.limit(box_area, Role::kSelected));
    };
    int64_t kept = kManyKept;
    for (uint32_t i = 0; i < from; ++i)
      if (job_.suppressor[i] == i) enter(i);
    for (uint32_t i = from; i < job_.count; ++i) {
      const bool over = kept >= max_output_;
      if (over && !job_.want_owner) return std::fill(job_.suppressor + i, job_.suppressor + job_.count, kNobody);
      const uint32_t found =
          first_suppressing(tree, job_.boxes[i], i, !job_.want_owner, job_.threshold, job_.suppresses);
      job_.suppressor[i] = found == i && over ? kNobody : found;
      if (found != i || over) continue;
      enter(i);
      ++kept;
    }
  }

  void empty_buckets(int64_t count) {
    if (count == 1) {
      single_ = {};
      job_.buckets = &single_;
      return;
    }
    if (count > room_) {
      buckets_ = allocate<Bucket<T>>(host_, count);
      room_ = count;
    }
    std::fill_n(buckets_, count, Bucket<T>{});
    job_.buckets = buckets_;
  }

  const Host& host_;
  const int64_t max_output_;
  ChunkPool<T> pool_;
  Grid grid_{};
  GroupPass<T> job_{};
  Bucket<T> single_{};
  Bucket<T>* buckets_ = nullptr;
  int64_t room_ = 0;
  const TreeSpace<T>* space_ = nullptr;
  uint32_t tree_room_ = 0;
};

}  // namespace ptdet::cpu

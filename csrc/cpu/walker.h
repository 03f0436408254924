// One worker's walks, group after group, in memory that is used again.
#pragma once

#include <algorithm>

#include "cpu/grid.h"
#include "cpu/isa.h"
#include "cpu/parallel.h"
#include "cpu/walk.h"
#include "switch.h"

namespace ptdet::cpu {

template <typename T>
class Walker {
 public:
  Walker(const NmsParams& params, bool want_owner, const Host& host) : host_(host), pool_(host) {
    job_.max_output = params.max_output;
    job_.want_owner = want_owner;
    job_.filter = Filter<T>::from(params);
    job_.threshold = Threshold<T>::from(params.iou_threshold, params.inclusive, params.beta);
    job_.is_iou = params.metric == Metric::kIou;
    job_.suppresses = with_suppression(params, [](auto measure) { return &suppresses<decltype(measure), T>; });
    job_.pool = &pool_;
  }

  // Boxes in visiting order; see Walk for `border` and `removers`.
  void walk(const Box<T>* boxes, uint32_t count, const bool* border, uint32_t* removers) {
    job_.boxes = boxes;
    job_.count = count;
    job_.border = border;
    job_.remover = removers;
    job_.grid = lay_out_grid(boxes, count, job_.filter, host_, grid_) ? &grid_ : nullptr;
    pool_.reset();
    empty_buckets(job_.grid ? static_cast<int64_t>(grid_.bucket_mask) + 1 : 1);
    if constexpr (sizeof(T) == 8)
      walk_table().walk_double(job_);
    else
      walk_table().walk_float(job_);
  }

 private:
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
  ChunkPool<T> pool_;
  Grid grid_{};
  Walk<T> job_{};
  Bucket<T> single_{};
  Bucket<T>* buckets_ = nullptr;
  int64_t room_ = 0;
};

}  // namespace ptdet::cpu

// Fast NMS: a box is removed by the best box before it that overlaps it enough, kept or not.
#include <algorithm>

#include "math/threshold.h"
#include "cpu/candidates.h"
#include "cpu/box_tree.h"
#include "api/dispatch.h"

namespace ptdet::cpu {
namespace {

template <typename T>
class FirstMet {
 public:
  FirstMet(const NmsParams& params, uint32_t capacity, const Host& host)
      : host_(host),
        filter_(Filter<T>::from(params)),
        threshold_(Threshold<T>::from(params.iou_threshold, params.inclusive)),
        suppresses_(suppression_of<T>(params)),
        best_(std::min(capacity, Block<T>::kLanes), host),
        all_(capacity, host) {}

  // first[i]: the first box before i that overlaps it enough, else i. Where many meet one of the best boxes, those are
  // compared before a tree is built.
  void find(const Box<T>* boxes, uint32_t count, uint32_t* first) {
    for (uint32_t i = 0; i < count; ++i) first[i] = i;
    const uint32_t few = std::min(count, Block<T>::kLanes), tried = std::min(count, 4 * few);
    const Tree<T> best = best_.plant(boxes, few, filter_, Role::kSelected, host_);
    ask(best, boxes, 0, tried, first);
    uint32_t from = few;
    int64_t met = 0;
    for (uint32_t i = 0; i < tried; ++i) met += first[i] != i;
    if (2 * met > tried) ask(best, boxes, tried, count, first);
    while (from < count && first[from] != from) ++from;
    if (from < count) ask(all_.plant(boxes, count, filter_, Role::kSelected, host_), boxes, from, count, first);
  }

 private:
  void ask(const Tree<T>& tree, const Box<T>* boxes, uint32_t from, uint32_t count, uint32_t* first) {
    const int64_t asking = count - from;
    parallel_ranges(host_, asking, parts_for(host_, 8 * asking), [&](int64_t begin, int64_t end) {
      for (uint32_t i = from + static_cast<uint32_t>(begin); i < from + static_cast<uint32_t>(end); ++i)
        if (first[i] == i) first[i] = first_suppressing(tree, boxes[i], i, false, threshold_, suppresses_);
    });
  }

  const Host& host_;
  const Filter<T> filter_;
  const Threshold<T> threshold_;
  const Suppresses<T> suppresses_;
  const TreeSpace<T> best_, all_;
};

template <typename T>
void find_owners(const NmsInput& input, const NmsParams& params, const Ranks& ranks, int64_t* owner, const Host& host) {
  const Groups groups = groups_of(input, ranks, host);
  FirstMet<T> search(params, largest_of(groups), host);
  Box<T>* boxes = allocate<Box<T>>(host, largest_of(groups));
  uint32_t* first = allocate<uint32_t>(host, largest_of(groups));
  for (uint32_t g = 0; g < groups.count; ++g) {
    const uint32_t* rows = groups.rows + groups.starts[g];
    const uint32_t count = groups.starts[g + 1] - groups.starts[g];
    gather_boxes(input.boxes, rows, 0, count, boxes);
    search.find(boxes, count, first);
    for (uint32_t i = 0; i < count; ++i) owner[rows[i]] = rows[first[i]];
  }
}

// What comes after the last box kept within the limit owns nothing.
void list_kept(const NmsParams& params, const Ranks& ranks, int64_t count, const NmsOutput& output, const Host& host) {
  uint32_t* rank_of = allocate<uint32_t>(host, count);
  int64_t kept = 0, end = 0;
  bool cut = false;
  for (int64_t r = 0; r < ranks.count; ++r) {
    const uint32_t row = ranks.rows[r];
    rank_of[row] = static_cast<uint32_t>(r);
    if (output.owner[row] != row) continue;
    if (kept == params.max_output) {
      cut = true;
    } else {
      output.keep[kept++] = row;
      end = r + 1;
    }
  }
  *output.kept = kept;
  for (int64_t r = 0; cut && r < ranks.count; ++r) {
    int64_t& by = output.owner[ranks.rows[r]];
    if (rank_of[by] >= end) by = -1;
  }
}

}  // namespace

void fast_nms(const NmsInput& input, const NmsParams& params, const NmsOutput& output, const Host& host) {
  if (!start_pass(input, output)) return;
  const Ranks ranks = rank_candidates(input, params, host);
  with_computed(input.boxes.type,
                [&](auto box) { find_owners<decltype(box)>(input, params, ranks, output.owner, host); });
  list_kept(params, ranks, input.count, output, host);
}

}  // namespace ptdet::cpu

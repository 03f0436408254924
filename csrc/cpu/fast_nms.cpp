// Fast NMS: a box is removed by the best box before it that overlaps it enough, kept or not.
#include <algorithm>

#include "math/threshold.h"
#include "cpu/candidates.h"
#include "cpu/tree_pass.h"
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
  uint32_t* first = allocate<uint32_t>(host, largest_of(groups));
  for_each_group<T>(input, groups, host, [&](const uint32_t* rows, uint32_t count, const Box<T>* boxes) {
    search.find(boxes, count, first);
    for (uint32_t i = 0; i < count; ++i) owner[rows[i]] = rows[first[i]];
  });
}

}  // namespace

void fast_nms(const NmsInput& input, const NmsParams& params, const NmsOutput& output, const Host& host) {
  if (!start_pass(input, output)) return;
  const Ranks ranks = rank_candidates(input, params, host);
  if (input.numbers == 5) {
    remove_rotated(input, params, ranks, Removing::kAll, output.owner, host);
  } else {
    with_computed(input.boxes.type,
                  [&](auto box) { find_owners<decltype(box)>(input, params, ranks, output.owner, host); });
  }
  list_self_owned(params, ranks, input.count, output, host);
}

}  // namespace ptdet::cpu

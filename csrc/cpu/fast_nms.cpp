// Fast NMS: a box is removed by the best box before it that overlaps it enough, kept or not.
#include <algorithm>

#include "core/threshold.h"
#include "cpu/rank.h"
#include "cpu/tree.h"
#include "switch.h"

namespace ptdet::cpu {
namespace {

template <typename T>
void find_owners(const NmsInput& input, const NmsParams& params, const Ranks& ranks, int64_t* owner, const Host& host) {
  const auto filter = Filter<T>::from(params);
  const auto threshold = Threshold<T>::from(params.iou_threshold, params.inclusive);
  const Groups groups = groups_of(input, ranks, host);
  const TreeSpace<T> space(largest_of(groups), host);
  Box<T>* boxes = allocate<Box<T>>(host, largest_of(groups));
  for (uint32_t g = 0; g < groups.count; ++g) {
    const uint32_t* rows = groups.rows + groups.starts[g];
    const uint32_t count = groups.starts[g + 1] - groups.starts[g];
    gather_boxes(input.boxes, rows, 0, count, boxes);
    const Tree<T> tree = space.plant(boxes, count, filter, host);
    parallel_ranges(host, count, parts_for(host, 8 * static_cast<int64_t>(count)), [&](int64_t begin, int64_t end) {
      Hits* hits = allocate<Hits>(host, tree.blocks() + 1);
      for (int64_t i = begin; i < end; ++i) {
        uint32_t first = static_cast<uint32_t>(i);
        for_each_near(tree, filter, boxes[i], hits, [&](uint32_t j, uint32_t) {
          if (j < first && threshold.met_by(overlap_by(params.metric, boxes[i], boxes[j]))) first = j;
        });
        owner[rows[i]] = rows[first];
      }
    });
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
  if (!start_walk(input, output)) return;
  const Ranks ranks = rank_candidates(input, params, host);
  if (input.boxes.type == Type::kFloat64)
    find_owners<double>(input, params, ranks, output.owner, host);
  else
    find_owners<float>(input, params, ranks, output.owner, host);
  list_kept(params, ranks, input.count, output, host);
}

}  // namespace ptdet::cpu

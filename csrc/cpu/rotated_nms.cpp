// Hard NMS of rotated boxes: each selected box removes those that it meets, which a tree of enclosing boxes finds.
#include <algorithm>
#include <atomic>

#include "math/rotated_box.h"
#include "cpu/box_tree.h"
#include "cpu/candidates.h"

namespace ptdet::cpu {
namespace {

using Shape = RotatedBox<double>;

// Writes the owner of each shape of a group, which stand in score order.
template <typename Measure>
void remove_met(Tree<double> tree, const Shape* shapes, const uint32_t* rows, const NmsParams& params, Hits* hits,
                int64_t* owner) {
  const auto threshold = Threshold<double>::from(params.iou_threshold, params.inclusive);
  for (uint32_t i = 0; i < tree.count; ++i) {
    if (owner[rows[i]] >= 0) continue;
    owner[rows[i]] = rows[i];
    tree.remove(tree.place[i]);
    for_each_near(tree, shapes[i], hits, [&](uint32_t j, uint32_t place) {
      if (!suppresses<Measure>(shapes[i], shapes[j], threshold)) return;
      owner[rows[j]] = rows[i];
      tree.remove(place);
    });
  }
}

}  // namespace

void rotated_nms(const NmsInput& input, const NmsParams& params, const NmsOutput& output, const Host& host) {
  NmsOutput found = output;
  if (!found.owner) found.owner = allocate<int64_t>(host, input.count);
  if (!start_pass(input, found)) return;
  const Ranks ranks = rank_candidates(input, params, host);
  const Groups groups = groups_of(input, ranks, host);
  const auto filter = Filter<double>::from(params);
  const uint32_t largest = largest_of(groups);
  std::atomic<uint32_t> next{0};
  parallel_for(host, std::min<int64_t>(groups.count, parts_for(host, 64 * ranks.count)), [&](int64_t) {
    Shape* shapes = allocate<Shape>(host, largest);
    const TreeSpace<double> space(largest, host);
    for (uint32_t g; (g = next++) < groups.count;) {
      const uint32_t* rows = groups.rows + groups.starts[g];
      const uint32_t count = groups.starts[g + 1] - groups.starts[g];
      gather_boxes(input.boxes, rows, 0, count, shapes);
      const Tree<double> tree = space.plant(shapes, count, filter, Role::kCandidate, host);
      with_area_metric(params.metric, [&](auto measure) {
        remove_met<decltype(measure)>(tree, shapes, rows, params, space.hits, found.owner);
      });
    }
  });
  list_self_owned(params, ranks, input.count, found, host);
}

}  // namespace ptdet::cpu

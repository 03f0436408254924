// Passes over shapes whose index is the tree alone (box_tree.h): each asks the tree for those that it meets.
#pragma once

#include <algorithm>
#include <atomic>

#include "cpu/box_tree.h"
#include "cpu/candidates.h"

namespace ptdet {

// The raw value of a measure that is known at run time only.
template <typename T>
T overlap_by(Metric metric, const RotatedBox<T>& a, const RotatedBox<T>& b) {
  T value(NAN);
  with_rotated_suppression(metric, [&](auto measure) { value = decltype(measure)::between(a, b); });
  return value;
}

}  // namespace ptdet

namespace ptdet::cpu {

// What the numbers of a shape (math/box.h) are computed in.
template <typename Shape>
using NumberOf = std::decay_t<decltype(area(std::declval<const Shape&>()))>;

// Calls f(shape) with one of the shapes that the boxes of a pass are.
template <typename F>
void with_shape(const NmsInput& input, F&& f) {
  if (input.numbers == 5) return f(RotatedBox<double>{});
  with_computed(input.boxes.type, [&](auto number) { f(Box<decltype(number)>{}); });
}

// Which boxes remove others: those that none has removed, or all.
enum class Removing { kSelected, kAll };

// Writes the owner of each shape of a group, which stand in score order: the first that removes it, else itself.
// rule(i) is a function of j: does i remove it?
template <typename Shape, typename Rule>
void remove_met(Tree<NumberOf<Shape>>& tree, const Shape* shapes, const uint32_t* rows, Removing removing, Hits* hits,
                int64_t* owner, Rule&& rule) {
  for (uint32_t i = 0; i < tree.count; ++i) {
    const uint32_t row = rows[i];
    if (owner[row] < 0) {
      owner[row] = row;
      tree.remove(tree.place[i]);
    } else if (removing == Removing::kSelected) {
      continue;
    }
    const auto removes = rule(i);
    for_each_near(tree, shapes[i], hits, [&](uint32_t j, uint32_t place) {
      if (!removes(j)) return;
      owner[rows[j]] = row;
      tree.remove(place);
    });
  }
}

// The same of all groups, on the threads there are: rule(shapes, rows) is the rule of a group.
template <typename Shape, typename Rule>
void remove_met_in_groups(const NmsInput& input, const NmsParams& params, const Ranks& ranks, Removing removing,
                          int64_t* owner, const Host& host, Rule&& rule) {
  using T = NumberOf<Shape>;
  const Groups groups = groups_of(input, ranks, host);
  const auto filter = Filter<T>::from(params);
  const uint32_t largest = largest_of(groups);
  std::atomic<uint32_t> next{0};
  parallel_for(host, std::min<int64_t>(groups.count, parts_for(host, 64 * ranks.count)), [&](int64_t) {
    Shape* shapes = allocate<Shape>(host, largest);
    const TreeSpace<T> space(largest, host);
    for (uint32_t g; (g = next++) < groups.count;) {
      const uint32_t* rows = groups.rows + groups.starts[g];
      const uint32_t count = groups.starts[g + 1] - groups.starts[g];
      gather_boxes(input.boxes, rows, 0, count, shapes);
      Tree<T> tree = space.plant(shapes, count, filter, Role::kCandidate, host);
      remove_met(tree, shapes, rows, removing, space.hits, owner, rule(shapes, rows));
    }
  });
}

// The boxes that the first of them overlap enough, of rotated boxes.
inline void remove_rotated(const NmsInput& input, const NmsParams& params, const Ranks& ranks, Removing removing,
                           int64_t* owner, const Host& host) {
  using Shape = RotatedBox<double>;
  const auto threshold = Threshold<double>::from(params.iou_threshold, params.inclusive);
  with_rotated_suppression(params.metric, [&](auto measure) {
    remove_met_in_groups<Shape>(input, params, ranks, removing, owner, host, [&](const Shape* shapes, const uint32_t*) {
      return [=](uint32_t i) {
        return [=](uint32_t j) { return suppresses<decltype(measure)>(shapes[i], shapes[j], threshold); };
      };
    });
  });
}

}  // namespace ptdet::cpu

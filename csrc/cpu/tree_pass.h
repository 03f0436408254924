// Passes over shapes whose index is the tree alone (box_tree.h): each asks the tree for those that it meets.
#pragma once

#include <algorithm>
#include <atomic>

#include "api/dispatch.h"
#include "cpu/box_tree.h"
#include "cpu/candidates.h"

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

// Room for a pass that removes what it meets.
template <typename Shape>
struct RemovalRoom {
  explicit RemovalRoom(uint32_t capacity, const Host& host)
      : space(capacity, host),
        shapes(allocate<Shape>(host, capacity)),
        placed(allocate<Shape>(host, capacity)),
        places(allocate<uint32_t>(host, capacity + RotatedColumns::kPadding)) {}
  TreeSpace<NumberOf<Shape>> space;
  Shape *shapes, *placed;  // in score order; by their places in the tree, so that neighbours share the cache
  uint32_t* places;
};

// Writes the owner of each shape of a group, which stand in score order: the first that removes it, else itself.
// sift(i, placed, places, count) moves the places of the shapes that i removes to the front, and returns how many.
template <typename Shape, typename Sift>
void remove_met(const RemovalRoom<Shape>& room, Tree<NumberOf<Shape>>& tree, const uint32_t* rows, Removing removing,
                int64_t* owner, Sift&& sift) {
  const uint32_t count = tree.count;
  for (uint32_t at = 0; at < count; ++at) room.placed[at] = room.shapes[tree.member(at)];
  uint32_t left = count;  // in the tree
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t row = rows[i];
    if (owner[row] < 0) {
      owner[row] = row;
      if (!tree.filter.inert(area(room.shapes[i]))) tree.remove(tree.place[i]), --left;
    } else if (removing == Removing::kSelected) {
      continue;
    }
    uint32_t found = 0;
    for_each_near(tree, room.shapes[i], room.space.hits, [&](uint32_t, uint32_t at) { room.places[found++] = at; });
    found = sift(i, room.placed, room.places, found);
    for (uint32_t k = 0; k < found; ++k) {
      owner[rows[tree.member(room.places[k])]] = row;
      tree.remove(room.places[k]);
    }
    left -= found;
    if (tree.levels > 1 && 2 * left < tree.count) room.space.thin_out(tree, room.placed), left = tree.count;
  }
}

// The same of all groups, on the threads there are: sift_of(shapes, rows) is what sifts in a group.
template <typename Shape, typename SiftOf>
void remove_met_in_groups(const NmsInput& input, const NmsParams& params, const Ranks& ranks, Removing removing,
                          int64_t* owner, const Host& host, SiftOf&& sift_of) {
  using T = NumberOf<Shape>;
  const Groups groups = groups_of(input, ranks, host);
  const auto filter = Filter<T>::from(params);
  const uint32_t largest = largest_of(groups);
  std::atomic<uint32_t> next{0};
  parallel_for(host, std::min<int64_t>(groups.count, parts_for(host, 64 * ranks.count)), [&](int64_t) {
    const RemovalRoom<Shape> room(largest, host);
    for (uint32_t g; (g = next++) < groups.count;) {
      const uint32_t* rows = groups.rows + groups.starts[g];
      const uint32_t count = groups.starts[g + 1] - groups.starts[g];
      gather_boxes(input.boxes, rows, 0, count, room.shapes);
      Tree<T> tree = room.space.plant(room.shapes, count, filter, Role::kCandidate, host);
      remove_met(room, tree, rows, removing, owner, sift_of(room.shapes, rows));
    }
  });
}

// The boxes that the first of them overlap enough, of rotated boxes.
inline void remove_rotated(const NmsInput& input, const NmsParams& params, const Ranks& ranks, Removing removing,
                           int64_t* owner, const Host& host) {
  using Shape = RotatedBox<double>;
  const auto filter = Filter<double>::from(params);
  const auto threshold = Threshold<double>::from(params.iou_threshold, params.inclusive, params.beta);
  const Metric metric = params.has_power() ? Metric::kIou : params.metric;
  remove_met_in_groups<Shape>(input, params, ranks, removing, owner, host, [&](const Shape* shapes, const uint32_t*) {
    return [&, shapes](uint32_t i, const Shape* placed, uint32_t* places, uint32_t count) {
      const uint32_t met = simd().rotated.suppressed(metric, filter, threshold, shapes[i], placed, places, count);
      if (!params.has_power()) return met;
      // its penalty only lowers an IoU
      uint32_t left = 0;
      for (uint32_t k = 0; k < met; ++k)
        if (suppresses<DiouPower>(shapes[i], placed[places[k]], threshold)) places[left++] = places[k];
      return left;
    };
  });
}

}  // namespace ptdet::cpu

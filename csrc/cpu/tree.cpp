#include "cpu/tree.h"

#include <algorithm>

#include "cpu/isa.h"
#include "cpu/sort.h"

namespace ptdet::cpu {
namespace {

constexpr uint32_t kLanes = 64;

uint32_t blocks_of(uint32_t count) { return (count + kLanes - 1) / kLanes; }

// Every second bit of the result, from the lowest on, is a bit of x.
uint32_t spread_bits(uint32_t x) {
  x = (x | x << 8) & 0x00ff00ffu;
  x = (x | x << 4) & 0x0f0f0f0fu;
  x = (x | x << 2) & 0x33333333u;
  return (x | x << 1) & 0x55555555u;
}

// Coordinates to 16 bits. Any mapping is right; one that keeps neighbours together is fast.
struct Scale {
  double low = INFINITY, high = -INFINITY;

  void include(double x) {
    if (x < low) low = x;
    if (x > high) high = x;
  }
  uint32_t operator()(double x) const {
    const double share = (x - low) / (high - low) * 65535;
    return share > 0 ? static_cast<uint32_t>(std::min(share, 65535.0)) : 0;
  }
};

template <typename T>
double centre(T low, T high) {
  const double c = 0.5 * static_cast<double>(low) + 0.5 * static_cast<double>(high);
  return is_finite(c) ? c : 0;
}

template <typename T>
void set_lane(Block<T>& block, uint32_t lane, const Box<T>& box, T limit) {
  block.x1[lane] = box.x1, block.y1[lane] = box.y1, block.x2[lane] = box.x2, block.y2[lane] = box.y2;
  block.limit[lane] = limit;
}

// The hull of the lanes that can be met, into a lane of the level above.
template <typename T>
void set_hull(Block<T>& above, uint32_t lane, const Block<T>& block, T limit) {
  Box<T> hull{T(INFINITY), T(INFINITY), -T(INFINITY), -T(INFINITY)};
  bool any = false;
  for (uint32_t i = 0; i < kLanes; ++i) {
    if (block.limit[i] == T(INFINITY)) continue;
    any = true;
    hull = {std::min(hull.x1, block.x1[i]), std::min(hull.y1, block.y1[i]), std::max(hull.x2, block.x2[i]),
            std::max(hull.y2, block.y2[i])};
  }
  set_lane(above, lane, hull, any ? limit : T(INFINITY));
}

}  // namespace

const TreeTable& tree_table() {
  static const TreeTable& table = PTDET_FOR_THIS_PROCESSOR(Tree);
  return table;
}

template <typename T>
TreeSpace<T>::TreeSpace(uint32_t capacity, const Host& host) {
  uint32_t blocks = capacity;
  for (int level = 0; level < Tree<T>::kMostLevels && (level == 0 || blocks > 1); ++level) {
    blocks = blocks_of(blocks);
    space_.level[level] = allocate<Block<T>>(host, blocks);
  }
  space_.member = allocate<uint32_t>(host, capacity);
  space_.place = allocate<uint32_t>(host, capacity);
  keys_ = allocate<uint32_t>(host, capacity);
  spare_keys_ = allocate<uint32_t>(host, capacity);
  spare_members_ = allocate<uint32_t>(host, capacity);
  hits = allocate<Hits>(host, blocks_of(capacity) + 1);
}

template <typename T>
Tree<T> TreeSpace<T>::plant(const Box<T>* boxes, uint32_t count, const Filter<T>& filter, const Host& host) const {
  Tree<T> tree = space_;
  tree.count = count;
  for (uint32_t i = 0; i < count; ++i) tree.member[i] = i;
  if (count > kLanes) {
    Scale x, y;
    for (uint32_t i = 0; i < count; ++i)
      x.include(centre(boxes[i].x1, boxes[i].x2)), y.include(centre(boxes[i].y1, boxes[i].y2));
    for (uint32_t i = 0; i < count; ++i)
      keys_[i] = spread_bits(x(centre(boxes[i].x1, boxes[i].x2))) | spread_bits(y(centre(boxes[i].y1, boxes[i].y2)))
                                                                        << 1;
    const Pairs<uint32_t> sorted =
        sort_pairs<uint32_t>(host, {keys_, tree.member}, {spare_keys_, spare_members_}, count);
    if (sorted.values != tree.member) std::copy_n(sorted.values, count, tree.member);
  }

  tree.hull_limit = filter.mode == Filter<T>::Mode::kNone ? T(-1) : T(0);
  const Box<T> nothing{T(0), T(0), T(0), T(0)};
  for (uint32_t at = 0; at < blocks_of(count) * kLanes; ++at) {
    Block<T>& block = tree.level[0][at / kLanes];
    if (at >= count) {
      set_lane(block, at % kLanes, nothing, T(INFINITY));
      continue;
    }
    const Box<T>& box = boxes[tree.member[at]];
    const T box_area = area(box);
    tree.place[tree.member[at]] = at;
    set_lane(block, at % kLanes, box, filter.inert(box_area) ? T(INFINITY) : filter.limit(box_area));
  }
  uint32_t blocks = blocks_of(count);
  for (tree.levels = 1; blocks > 1; ++tree.levels) {
    const uint32_t above = blocks_of(blocks);
    for (uint32_t i = 0; i < above * kLanes; ++i) {
      Block<T>& block = tree.level[tree.levels][i / kLanes];
      if (i < blocks)
        set_hull(block, i % kLanes, tree.level[tree.levels - 1][i], tree.hull_limit);
      else
        set_lane(block, i % kLanes, nothing, T(INFINITY));
    }
    blocks = above;
  }
  return tree;
}

template struct TreeSpace<float>;
template struct TreeSpace<double>;

}  // namespace ptdet::cpu

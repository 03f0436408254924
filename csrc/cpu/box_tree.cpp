#include "cpu/box_tree.h"

#include <algorithm>
#include <cmath>

#include "math/rotated_box.h"
#include "cpu/sort.h"

namespace ptdet::cpu {
namespace {

constexpr uint32_t kLanes = 64;
constexpr uint32_t kNoMember = 0xffffffffu;

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

struct Centre {
  double x, y;
};

template <typename T>
Centre centre_of(const Box<T>& b) {
  return {centre(b.x1, b.x2), centre(b.y1, b.y2)};
}
Centre centre_of(const RotatedBox<double>& b) { return {centre(b.cx, b.cx), centre(b.cy, b.cy)}; }

template <typename T>
void set_lane(Block<T>& block, uint32_t lane, const Box<T>& box, T limit) {
  block.x1[lane] = box.x1, block.y1[lane] = box.y1, block.x2[lane] = box.x2, block.y2[lane] = box.y2;
  block.limit[lane] = limit;
}

// The hull of the lanes that can be met, into a lane of the level above; returns how many can be met.
template <typename T>
uint8_t set_hull(Block<T>& above, uint32_t lane, const Block<T>& block, T floor) {
  Box<T> hull{T(INFINITY), T(INFINITY), -T(INFINITY), -T(INFINITY)};
  uint8_t alive = 0;
  T least = T(INFINITY);
  for (uint32_t i = 0; i < kLanes; ++i) {
    if (is_never_met(block.limit[i])) continue;
    ++alive;
    least = std::min(least, block.limit[i]);
    hull = {std::min(hull.x1, block.x1[i]), std::min(hull.y1, block.y1[i]), std::max(hull.x2, block.x2[i]),
            std::max(hull.y2, block.y2[i])};
  }
  // Where boxes apart count too, no place may decide: a hull without an end, times a side of 0, would be NaN.
  if (floor < T(0) && !is_finite(area(hull))) hull = {T(0), T(0), T(0), T(0)};
  set_lane(above, lane, hull, alive ? std::max(least, floor) : kNeverMet<T>);
  return alive;
}

// What the lanes that can be met have in common, into a lane of the level above.
template <typename T, typename Boxes>
void set_core(Cores<T>& above, uint32_t lane, const Block<T>& block, const Boxes& boxes, const T* areas) {
  Box<T> core{-T(INFINITY), -T(INFINITY), T(INFINITY), T(INFINITY)};
  T least_area = T(INFINITY);
  for (uint32_t i = 0; i < kLanes; ++i) {
    if (is_never_met(block.limit[i])) continue;
    core = {std::max(core.x1, boxes.x1[i]), std::max(core.y1, boxes.y1[i]), std::min(core.x2, boxes.x2[i]),
            std::min(core.y2, boxes.y2[i])};
    const T box_area = areas ? areas[i] : area(Box<T>{boxes.x1[i], boxes.y1[i], boxes.x2[i], boxes.y2[i]});
    least_area = std::min(least_area, box_area);
  }
  above.x1[lane] = core.x1, above.y1[lane] = core.y1, above.x2[lane] = core.x2, above.y2[lane] = core.y2;
  above.least_area[lane] = least_area;
}

// The bits of x, y, w and h in turn, the highest first: `leading` of x and y alone, then all four until 32 are full.
uint32_t interleaved(uint32_t x, uint32_t y, uint32_t w, uint32_t h, int leading) {
  uint32_t key = 0;
  int filled = 0;
  for (int bit = 15; bit >= 0 && filled < 32; --bit) {
    key = key << 2 | (x >> bit & 1) << 1 | (y >> bit & 1), filled += 2;
    if (15 - bit < leading || filled == 32) continue;
    key = key << 2 | (w >> bit & 1) << 1 | (h >> bit & 1), filled += 2;
  }
  return key;
}

}  // namespace

template <typename T>
TreeSpace<T>::TreeSpace(uint32_t capacity, const Host& host, Order order) : order_(order) {
  uint32_t blocks = capacity;
  for (int level = 0; level < Tree<T>::kMostLevels && (level == 0 || blocks > 1); ++level) {
    blocks = blocks_of(blocks);
    space_.level[level] = allocate<Block<T>>(host, blocks);
    space_.first[level] = allocate<uint32_t>(host, int64_t{blocks} * kLanes);
    space_.alive[level] = allocate<uint8_t>(host, blocks);
    space_.cores[level] = order == Order::kShapes && level > 0 ? allocate<Cores<T>>(host, blocks) : nullptr;
  }
  space_.place = allocate<uint32_t>(host, capacity);
  keys_ = allocate<uint32_t>(host, capacity);
  spare_keys_ = allocate<uint32_t>(host, capacity);
  spare_members_ = allocate<uint32_t>(host, capacity);
  hits = allocate<Hits>(host, blocks_of(capacity) + 1);
}

template <typename T>
template <typename Shape>
void TreeSpace<T>::sort(const Shape* shapes, uint32_t count, uint32_t* members, const Host& host) const {
  Scale x, y;
  for (uint32_t i = 0; i < count; ++i) {
    const Centre at = centre_of(shapes[i]);
    x.include(at.x), y.include(at.y);
  }
  if (order_ == Order::kPlaces) {
    for (uint32_t i = 0; i < count; ++i) {
      const Centre at = centre_of(shapes[i]);
      keys_[i] = spread_bits(x(at.x)) | spread_bits(y(at.y)) << 1;
    }
  } else {
    // All on one scale; half sides up to twice their mean, so that a few huge boxes do not spoil it.
    double sum_w = 0, sum_h = 0;
    for (uint32_t i = 0; i < count; ++i) {
      const Box<T>& b = bounds(shapes[i]);
      sum_w += centre(-b.x1, b.x2), sum_h += centre(-b.y1, b.y2);
    }
    const double longest = 2 * std::max(sum_w, sum_h) / count;
    const double range = std::max(std::max(x.high - x.low, y.high - y.low), longest);
    const int leading = longest > 0 ? static_cast<int>(std::min(16.0, std::log2(range / longest))) : 16;
    x.high = x.low + range, y.high = y.low + range;
    const Scale side{0, range};
    for (uint32_t i = 0; i < count; ++i) {
      const Box<T>& b = bounds(shapes[i]);
      keys_[i] = interleaved(x(centre(b.x1, b.x2)), y(centre(b.y1, b.y2)), side(centre(-b.x1, b.x2)),
                             side(centre(-b.y1, b.y2)), leading);
    }
  }
  const KeyValues<uint32_t> sorted = sort_pairs<uint32_t>(host, {keys_, members}, {spare_keys_, spare_members_}, count);
  if (sorted.values != members) std::copy_n(sorted.values, count, members);
}

template <typename T>
template <typename Shape>
Tree<T> TreeSpace<T>::plant(const Shape* shapes, uint32_t count, const Filter<T>& filter, Role role,
                            const Host& host) const {
  Tree<T> tree = space_;
  tree.count = count;
  tree.filter = filter;
  tree.role = role;
  uint32_t* members = tree.first[0];
  for (uint32_t i = 0; i < count; ++i) members[i] = i;
  if (count > kLanes) sort(shapes, count, members, host);

  tree.floor = filter.mode == Filter<T>::Mode::kNone ? T(-1) : T(0);
  for (uint32_t at = 0; at < count; ++at) {
    const Shape& shape = shapes[members[at]];
    const T own_area = area(shape);
    tree.place[members[at]] = at;
    const T limit = filter.inert(own_area) ? kNeverMet<T> : filter.limit(own_area, role);
    set_lane(tree.level[0][at / kLanes], at % kLanes, filter.bounds_of(shape), limit);
  }
  raise(tree);
  return tree;
}

// What follows from the boxes: the lanes after the last one, how many can be met, the levels above.
template <typename T>
void TreeSpace<T>::raise(Tree<T>& tree) const {
  const Box<T> nothing{T(0), T(0), T(0), T(0)};
  uint32_t blocks = tree.blocks();
  for (uint32_t at = tree.count; at < blocks * kLanes; ++at) {
    set_lane(tree.level[0][at / kLanes], at % kLanes, nothing, kNeverMet<T>);
    tree.first[0][at] = kNoMember;
  }
  for (uint32_t i = 0; i < blocks; ++i) {
    uint32_t never = 0;
    for (const T limit : tree.level[0][i].limit) never += is_never_met(limit);
    tree.alive[0][i] = static_cast<uint8_t>(kLanes - never);
  }
  for (tree.levels = 1; blocks > 1; ++tree.levels) {
    const int below = tree.levels - 1;
    const uint32_t above = blocks_of(blocks);
    std::fill_n(tree.alive[tree.levels], above, uint8_t(0));
    for (uint32_t i = 0; i < above * kLanes; ++i) {
      Block<T>& block = tree.level[tree.levels][i / kLanes];
      tree.first[tree.levels][i] = kNoMember;
      if (i >= blocks) {
        set_lane(block, i % kLanes, nothing, kNeverMet<T>);
        continue;
      }
      const uint32_t* first = tree.first[below] + int64_t{i} * kLanes;
      tree.first[tree.levels][i] = *std::min_element(first, first + kLanes);
      tree.alive[tree.levels][i / kLanes] += set_hull(block, i % kLanes, tree.level[below][i], tree.floor) > 0;
      if (!tree.cores[tree.levels]) continue;
      Cores<T>& cores = tree.cores[tree.levels][i / kLanes];
      if (below == 0)
        set_core<T>(cores, i % kLanes, tree.level[0][i], tree.level[0][i], nullptr);
      else
        set_core<T>(cores, i % kLanes, tree.level[below][i], tree.cores[below][i], tree.cores[below][i].least_area);
    }
    blocks = above;
  }
}

template <typename T>
template <typename Shape>
void TreeSpace<T>::thin_out(Tree<T>& tree, Shape* placed) const {
  uint32_t left = 0;
  for (uint32_t at = 0; at < tree.count; ++at) {
    const T limit = tree.level[0][at / kLanes].limit[at % kLanes];
    if (is_never_met(limit)) continue;
    set_lane(tree.level[0][left / kLanes], left % kLanes, tree.box(at), limit);
    placed[left] = placed[at];
    tree.place[tree.first[0][left] = tree.member(at)] = left;
    ++left;
  }
  tree.count = left;
  raise(tree);
}

template struct TreeSpace<float>;
template struct TreeSpace<double>;
#define PTDET_TREE_OF(T, Shape)                                                                            \
  template Tree<T> TreeSpace<T>::plant(const Shape*, uint32_t, const Filter<T>&, Role, const Host&) const; \
  template void TreeSpace<T>::thin_out(Tree<T>&, Shape*) const;
PTDET_TREE_OF(float, Box<float>)
PTDET_TREE_OF(double, Box<double>)
PTDET_TREE_OF(double, RotatedBox<double>)
#undef PTDET_TREE_OF

}  // namespace ptdet::cpu

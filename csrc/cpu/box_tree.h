// A tree of boxes that do not change: it finds those that meet a given box. Blocks of 64 lie along a space-filling
// curve; the blocks' hulls are boxes in blocks of their own, up to one block. For methods that ask for all boxes that
// meet one; and for the first one where places bound nothing, so that the grid of the greedy pass (box_index.h) cannot
// be used: at thresholds near 0, IoF and IoS.
#pragma once

#include "cpu/prefilter.h"
#include "cpu/parallel.h"
#include "cpu/simd/simd_table.h"
#include "api/dispatch.h"

namespace ptdet::cpu {

template <typename T>
struct alignas(64) Block {
  static constexpr uint32_t kLanes = 64;
  T x1[kLanes], y1[kLanes], x2[kLanes], y2[kLanes];
  T limit[kLanes];  // the lane's part of the filter's bound, of a hull the least of its boxes'; kNeverMet: never met
};

// What tells a search where to look for the most overlapping box: what all boxes of a block cover, and the area that
// each has at least.
template <typename T>
struct alignas(64) Cores {
  T x1[Block<T>::kLanes], y1[Block<T>::kLanes], x2[Block<T>::kLanes], y2[Block<T>::kLanes];
  T least_area[Block<T>::kLanes];
};

template <typename T>
struct Tree {
  static constexpr int kMostLevels = 6;  // 64^6 > 2^32
  uint32_t count = 0;
  int levels = 0;
  Filter<T> filter{};
  Role role = Role::kSelected;   // of the boxes in the tree
  T floor = T(0);                // of each part of a hull's bound: 0, or below if boxes apart are asked for too
  Block<T>* level[kMostLevels];  // level 0 holds the boxes
  Cores<T>* cores[kMostLevels];  // from level 1 on; null: not asked for
  uint32_t* first[kMostLevels];  // [level][lane] the least number of a box there; at level 0 the number itself
  uint8_t* alive[kMostLevels];   // [level][block] how many of its lanes can be met
  uint32_t* place;               // [number of the box] its place in the tree

  uint32_t blocks() const { return (count + Block<T>::kLanes - 1) / Block<T>::kLanes; }
  uint32_t member(uint32_t at) const { return first[0][at]; }
  PTDET_HD Box<T> box(uint32_t at) const {
    const Block<T>& b = level[0][at / Block<T>::kLanes];
    const uint32_t lane = at % Block<T>::kLanes;
    return {b.x1[lane], b.y1[lane], b.x2[lane], b.y2[lane]};
  }

  void remove(uint32_t at) {
    for (int l = 0; l < levels; ++l) {
      const uint32_t block = at / Block<T>::kLanes;
      T& limit = level[l][block].limit[at % Block<T>::kLanes];
      if (is_never_met(limit)) return;
      limit = kNeverMet<T>;
      if (--alive[l][block] > 0) return;
      at = block;
    }
  }

  void clear() {
    uint32_t blocks_here = blocks();
    for (int l = 0; l < levels; ++l) {
      for (uint32_t block = 0; block < blocks_here; ++block) {
        alive[l][block] = 0;
        for (T& limit : level[l][block].limit) limit = kNeverMet<T>;
      }
      blocks_here = (blocks_here + Block<T>::kLanes - 1) / Block<T>::kLanes;
    }
  }

  // Puts a removed box back.
  void restore(uint32_t at, T limit) {
    for (int l = 0; l < levels; ++l) {
      const uint32_t block = at / Block<T>::kLanes;
      T& least = level[l][block].limit[at % Block<T>::kLanes];
      if (l > 0 && limit < floor) limit = floor;
      if (least <= limit) return;
      if (is_never_met(least)) ++alive[l][block];
      least = limit;
      at = block;
    }
  }
};

// In what order boxes stand: by their places alone, or by places and sides, where boxes that cover each other are to
// be told apart.
enum class Order { kPlaces, kShapes };

// Memory for trees of up to `capacity` boxes, one after the other.
template <typename T>
struct TreeSpace {
  TreeSpace(uint32_t capacity, const Host& host, Order order = Order::kPlaces);
  // Of any shapes (math/box.h): the tree holds their bounds. `host` lends memory for sorting.
  template <typename Shape>
  Tree<T> plant(const Shape* shapes, uint32_t count, const Filter<T>& filter, Role role, const Host& host) const;

  // Leaves only the boxes that can be met, in the order in which they stand; their shapes too, which stand by places.
  // `place` is of those alone.
  template <typename Shape>
  void thin_out(Tree<T>& tree, Shape* placed) const;

  Hits* hits;  // room for the answer of a search

 private:
  template <typename Shape>
  void sort(const Shape* shapes, uint32_t count, uint32_t* members, const Host& host) const;
  void raise(Tree<T>& tree) const;

  Order order_;
  Tree<T> space_;
  uint32_t *keys_, *spare_keys_, *spare_members_;
};

// The search for the first box that suppresses a candidate, or that it overlaps enough.
template <typename T>
struct Asked {
  Box<T> box;
  T limit;          // the box's part of the filter's bound
  uint32_t before;  // only numbers below count
  bool any;         // any such box will do
  Threshold<T> threshold;
  Suppresses<T> suppresses;
};

// Writes the blocks with boxes that may meet a shape, in no particular order, and returns how many.
template <typename T, typename Shape>
uint32_t search(const Tree<T>& tree, const Shape& shape, Hits* hits) {
  const T own_area = area(shape);
  if (tree.filter.inert(own_area)) return 0;
  const T limit = tree.filter.limit(own_area, other(tree.role));
  const Box<T> box = tree.filter.bounds_of(shape);
  if constexpr (sizeof(T) == 8)
    return simd().box_tree.search_double(tree, box, limit, hits);
  else
    return simd().box_tree.search_float(tree, box, limit, hits);
}

// body(number, place) for each box that may meet a shape, in no particular order.
template <typename T, typename Shape, typename Body>
void for_each_near(const Tree<T>& tree, const Shape& shape, Hits* hits, Body&& body) {
  const uint32_t found = search(tree, shape, hits);
  for (uint32_t i = 0; i < found; ++i)
    for (uint64_t lanes = hits[i].lanes; lanes; lanes &= lanes - 1) {
      const uint32_t at = hits[i].block * Block<T>::kLanes + static_cast<uint32_t>(__builtin_ctzll(lanes));
      body(tree.member(at), at);
    }
}

// body(number, place, overlap) for those of them that meet the threshold by `metric`.
template <typename T, typename Body>
void for_each_met(const Tree<T>& tree, const Box<T>& box, Metric metric, const Threshold<T>& threshold, Hits* hits,
                  Body&& body) {
  const uint32_t found = search(tree, box, hits);
  for (uint32_t i = 0; i < found; ++i) {
    const uint32_t block = hits[i].block;
    uint64_t lanes = hits[i].lanes;
    if (!tree.filter.is_tight() && __builtin_popcountll(lanes) > 4) {
      if constexpr (sizeof(T) == 8)
        lanes &= simd().box_tree.may_meet_double(tree, block, box, threshold);
      else
        lanes &= simd().box_tree.may_meet_float(tree, block, box, threshold);
    }
    for (; lanes; lanes &= lanes - 1) {
      const uint32_t at = block * Block<T>::kLanes + static_cast<uint32_t>(__builtin_ctzll(lanes));
      const Box<T> found_box = tree.box(at);
      const T overlap =
          tree.role == Role::kCandidate ? overlap_by(metric, found_box, box) : overlap_by(metric, box, found_box);
      if (threshold.met_by(overlap)) body(tree.member(at), at, overlap);
    }
  }
}

// The first box of the tree, of those numbered below `before`, that suppresses `box`, or any; `before` if none does.
template <typename T>
uint32_t first_suppressing(const Tree<T>& tree, const Box<T>& box, uint32_t before, bool any,
                           const Threshold<T>& threshold, Suppresses<T> suppresses) {
  const T box_area = area(box);
  if (tree.filter.inert(box_area)) return before;
  const Asked<T> asked{box, tree.filter.limit(box_area, Role::kCandidate), before, any, threshold, suppresses};
  if constexpr (sizeof(T) == 8)
    return simd().box_tree.first_double(tree, asked);
  else
    return simd().box_tree.first_float(tree, asked);
}

}  // namespace ptdet::cpu

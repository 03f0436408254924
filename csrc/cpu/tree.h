// Boxes that do not change, side by side with their neighbours: who meets a given box. Blocks of 64 lie along a
// space-filling curve; the blocks' hulls are boxes in blocks of their own, up to one block. For methods that ask for
// all boxes that meet one, not for the first (that is the walk's index, index.h).
#pragma once

#include "cpu/filter.h"
#include "cpu/parallel.h"

namespace ptdet::cpu {

template <typename T>
struct alignas(64) Block {
  static constexpr uint32_t kLanes = 64;
  T x1[kLanes], y1[kLanes], x2[kLanes], y2[kLanes];
  T limit[kLanes];  // the lane's part of the filter's bound; infinite: never met
};

// Lanes of a block of boxes that may meet the one asked for.
struct Hits {
  uint32_t block;
  uint64_t lanes;
};

template <typename T>
struct Tree {
  static constexpr int kMostLevels = 6;  // 64^6 > 2^32
  uint32_t count = 0;
  int levels = 0;
  Block<T>* level[kMostLevels];  // level 0 holds the boxes
  T hull_limit = T(0);           // of hulls, in a block and in a query: below 0 if boxes apart are asked for too
  uint32_t* member;              // [place in the tree] the box's number
  uint32_t* place;               // [number of the box] its place in the tree

  uint32_t blocks() const { return (count + Block<T>::kLanes - 1) / Block<T>::kLanes; }
  void remove(uint32_t at) { level[0][at / Block<T>::kLanes].limit[at % Block<T>::kLanes] = T(INFINITY); }
};

// Memory for trees of up to `capacity` boxes, one after the other.
template <typename T>
struct TreeSpace {
  TreeSpace(uint32_t capacity, const Host& host);
  // `host` lends memory for sorting.
  Tree<T> plant(const Box<T>* boxes, uint32_t count, const Filter<T>& filter, const Host& host) const;

  Hits* hits;  // room for the answer of a search

 private:
  Tree<T> space_;
  uint32_t *keys_, *spare_keys_, *spare_members_;
};

// One table for each instruction set. A search writes the blocks that have a lane to look at, and returns how many;
// it may only err towards "maybe" (filter.h).
struct TreeTable {
  uint32_t (*search_float)(const Tree<float>& tree, const Box<float>& box, float limit, Hits* hits);
  uint32_t (*search_double)(const Tree<double>& tree, const Box<double>& box, double limit, Hits* hits);
  // The lanes of one block that may meet the box.
  uint64_t (*meets_float)(const Block<float>& block, const Box<float>& box, float limit);
  uint64_t (*meets_double)(const Block<double>& block, const Box<double>& box, double limit);
};

extern const TreeTable kBaselineTree;
#if defined(__x86_64__)
extern const TreeTable kAvx2Tree;
extern const TreeTable kAvx512Tree;
#endif

const TreeTable& tree_table();

// Writes the blocks with boxes that may meet `box`, in no particular order, and returns how many.
template <typename T>
uint32_t search(const Tree<T>& tree, const Filter<T>& filter, const Box<T>& box, Hits* hits) {
  const T box_area = area(box);
  if (filter.inert(box_area)) return 0;
  if constexpr (sizeof(T) == 8)
    return tree_table().search_double(tree, box, filter.limit(box_area), hits);
  else
    return tree_table().search_float(tree, box, filter.limit(box_area), hits);
}

// body(member, place) for each box that may meet `box`, in no particular order.
template <typename T, typename Body>
void for_each_near(const Tree<T>& tree, const Filter<T>& filter, const Box<T>& box, Hits* hits, Body&& body) {
  const uint32_t found = search(tree, filter, box, hits);
  for (uint32_t i = 0; i < found; ++i)
    for (uint64_t lanes = hits[i].lanes; lanes; lanes &= lanes - 1) {
      const uint32_t at = hits[i].block * Block<T>::kLanes + static_cast<uint32_t>(__builtin_ctzll(lanes));
      body(tree.member[at], at);
    }
}

}  // namespace ptdet::cpu

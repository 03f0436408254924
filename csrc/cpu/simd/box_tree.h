// The search in a tree of boxes, for each instruction set: which boxes of a block may meet a given box.
#pragma once

#include "math/threshold.h"

namespace ptdet::cpu {

template <typename T>
struct Tree;
template <typename T>
struct Block;
template <typename T>
struct Asked;

// Lanes of a block of boxes that may meet the one asked for.
struct Hits {
  uint32_t block;
  uint64_t lanes;
};

// A search writes the blocks that have a lane to look at, and returns how many; it may only err towards "maybe"
// (cpu/prefilter.h).
struct BoxTreeTable {
  uint32_t (*search_float)(const Tree<float>& tree, const Box<float>& box, float limit, Hits* hits);
  uint32_t (*search_double)(const Tree<double>& tree, const Box<double>& box, double limit, Hits* hits);
  // The lanes of one block that may meet the box.
  uint64_t (*meets_float)(const Block<float>& block, const Box<float>& box, float limit, bool takes_lesser);
  uint64_t (*meets_double)(const Block<double>& block, const Box<double>& box, double limit, bool takes_lesser);
  // The number of the box found, `before` if there is none.
  uint32_t (*first_float)(const Tree<float>& tree, const Asked<float>& asked);
  uint32_t (*first_double)(const Tree<double>& tree, const Asked<double>& asked);
  // The lanes of 64 boxes that may meet the threshold against a box of the other role than theirs.
  uint64_t (*may_meet_float)(const Tree<float>& tree, uint32_t block, const Box<float>& box,
                             const Threshold<float>& threshold);
  uint64_t (*may_meet_double)(const Tree<double>& tree, uint32_t block, const Box<double>& box,
                              const Threshold<double>& threshold);
};

}  // namespace ptdet::cpu

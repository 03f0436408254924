// What the selection of a box does to those beside it in soft-NMS, a block of a tree at a time.
#pragma once

#include "math/order.h"
#include "api/dispatch.h"

namespace ptdet::cpu {

template <typename T>
struct Block;  // cpu/box_tree.h

// The scores of a block's boxes as they are now, and their sort keys (math/order.h).
template <typename Score>
struct BlockScores {
  using Key = KeyOf<Score>;
  static constexpr Key kGone = static_cast<Key>(~Key(0));  // no score has this key: selected, or at the floor
  Score* scores;
  Key* keys;
};

struct Fallen {
  uint64_t lanes = 0;      // whose score changed
  uint64_t gone = 0;       // those of them that are out
  bool some_rose = false;  // infinity times 0 is NaN, which is selected first
};

// For each instruction set what is asked for most: decay by a measure that a register can compute (register.inc), in
// the type of the scores; and the lanes of 64 keys that have the least one.
template <typename T>
struct DecayLoops {
  Fallen (*decay)(const SoftRule<T, T>& rule, const Box<T>& selected, const Block<T>& block, uint64_t lanes,
                  const BlockScores<T>& at);
  uint64_t (*least)(const KeyOf<T>* keys);
};

struct SoftNmsTable {
  DecayLoops<float> of_float;
  DecayLoops<double> of_double;
};

}  // namespace ptdet::cpu

// What a visit of soft-NMS does to the boxes beside it, a block of a tree at a time.
#pragma once

#include "core/order.h"
#include "cpu/tree.h"
#include "switch.h"

namespace ptdet::cpu {

// The scores of a block's boxes as they are now, and their sort keys (core/order.h).
template <typename Score>
struct BlockScores {
  using Key = KeyOf<Score>;
  static constexpr Key kGone = static_cast<Key>(~Key(0));  // no score has this key: visited, or at the floor
  Score* scores;
  Key* keys;
};

struct Fallen {
  uint64_t lanes = 0;      // whose score changed
  uint64_t gone = 0;       // those of them that are out
  bool some_rose = false;  // infinity times 0 is NaN, which is visited first
};

// For each instruction set what is asked for most: decay by a measure that a register can compute (wide.inc), in the
// type of the scores; and the lanes of 64 keys that have the least one.
template <typename T>
struct DecayLoops {
  Fallen (*decay)(const SoftRule<T, T>& rule, const Box<T>& visited, const Block<T>& block, uint64_t lanes,
                  const BlockScores<T>& at);
  uint64_t (*least)(const KeyOf<T>* keys);
};

struct DecayTable {
  DecayLoops<float> of_float;
  DecayLoops<double> of_double;
};

extern const DecayTable kBaselineDecays;
#if defined(__x86_64__)
extern const DecayTable kAvx2Decays;
extern const DecayTable kAvx512Decays;
#endif

const DecayTable& decay_table();

template <typename Score>
const DecayLoops<Score>& decay_loops() {
  if constexpr (sizeof(Score) == 8)
    return decay_table().of_double;
  else
    return decay_table().of_float;
}

template <typename T, typename Score>
Fallen let_decay(const SoftRule<T, Score>& rule, const Box<T>& visited, const Block<T>& block, uint64_t lanes,
                 const BlockScores<Score>& at, [[maybe_unused]] bool in_registers) {
  if constexpr (std::is_same_v<T, Score>)
    if (in_registers) return decay_loops<Score>().decay(rule, visited, block, lanes, at);
  Fallen fallen;
  for (; lanes; lanes &= lanes - 1) {
    const int i = __builtin_ctzll(lanes);
    const uint64_t lane = uint64_t(1) << i;
    const Box<T> box{block.x1[i], block.y1[i], block.x2[i], block.y2[i]};
    const Score after = rule.after(at.scores[i], visited, box);
    if (after == at.scores[i]) continue;
    const bool out = after <= rule.floor;
    at.scores[i] = after;
    at.keys[i] = out ? BlockScores<Score>::kGone : score_key(after);
    fallen.lanes |= lane;
    fallen.some_rose |= after != after;
    if (out) fallen.gone |= lane;
  }
  return fallen;
}

}  // namespace ptdet::cpu

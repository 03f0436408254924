// A large group, cut into tiles with a greedy pass each: a tile fits a core's cache, and cores share the work.
//
// A box whose reach (box_index.h) stays on its side of every cut meets only boxes of its own tile. The others are the
// border: in the pass of their tile they, and boxes that only they might remove, stay undecided. What is undecided at
// the end depends on undecided boxes alone, so one more pass over those settles it: the answer is that of one pass
// over all, wherever the cuts are.
#pragma once

#include "cpu/prefilter.h"
#include "cpu/parallel.h"

namespace ptdet::cpu {

struct Tiles {
  uint32_t count = 0;                // 0: not worth it
  const uint32_t* starts = nullptr;  // [count + 1] first position of each tile
  const uint32_t* ranks = nullptr;   // [boxes] position -> place in the order of scores
  const uint32_t* rows = nullptr;    // [boxes] position -> row of the input
  const bool* border = nullptr;      // [boxes] by position
};

// rows_by_rank: rows of the input by decreasing score.
template <typename T>
Tiles cut_into_tiles(const BoxColumn& boxes, const uint32_t* rows_by_rank, int64_t count, const Filter<T>& filter,
                     const Host& host);

}  // namespace ptdet::cpu

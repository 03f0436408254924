// One group of boxes, and the greedy walk over it. walk.inc is compiled once per instruction set.
#pragma once

#include "math/threshold.h"
#include "cpu/prefilter.h"
#include "cpu/box_index.h"

namespace ptdet::cpu {

constexpr uint32_t kNobody = 0xffffffffu;
constexpr uint32_t kUndecided = 0xfffffffeu;

template <typename T>
struct Walk {
  const Box<T>* boxes;  // in visiting order
  uint32_t count;
  const bool* border;  // boxes that others, not in this walk, may remove (tiles.h); null: none
  uint32_t* remover;   // out: the visited position that removed i, i itself if kept, kNobody if not reached;
                       // with a border, kUndecided for a box whose fate hangs on boxes of the border
  int64_t max_output;  // no more are kept
  bool ends_at_limit;  // else boxes after it are still tested
  bool want_owner;     // then the remover is the first one
  Filter<T> filter;
  Threshold<T> threshold;
  bool is_iou;  // then the predicate is inlined, else called
  bool (*suppresses)(const Box<T>& visited, const Box<T>& candidate, const Threshold<T>& threshold);
  // Of a register of boxes those that may suppress the candidate, measured in full (WalkLoops).
  uint32_t (*may_meet)(const Walk& walk, const Box<T>& candidate, const Chunk<T>& chunk, int lane);
  ChunkPool<T>* pool;
  Bucket<T>* buckets;  // empty at the start
  const Grid* grid;    // null: one bucket
};

template <typename T>
struct WalkLoops {
  void (*walk)(const Walk<T>&);
  uint32_t (*may_meet)(const Walk<T>& walk, const Box<T>& candidate, const Chunk<T>& chunk, int lane);
};

// The same functions for each instruction set this binary holds.
struct GreedyPassTable {
  WalkLoops<float> of_float;
  WalkLoops<double> of_double;
  // smaller[i] = how many of keys[0, count) are below keys[i], for i in [0, padded), a multiple of 16.
  void (*count_smaller)(const int32_t* keys, uint32_t count, uint32_t padded, int32_t* smaller);
};

}  // namespace ptdet::cpu

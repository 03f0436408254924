// One group of boxes, and the greedy pass over it. greedy_pass.inc is compiled once per instruction set.
#pragma once

#include "api/dispatch.h"
#include "cpu/prefilter.h"
#include "cpu/box_index.h"

namespace ptdet::cpu {

constexpr uint32_t kNobody = 0xffffffffu;
constexpr uint32_t kUndecided = 0xfffffffeu;

template <typename T>
struct GroupPass {
  const Box<T>* boxes;  // in score order
  uint32_t count;
  const bool* border;    // boxes that boxes outside this pass may remove (tiles.h); null: none
  uint32_t* suppressor;  // out: the selected position that removed i, i itself if kept, kNobody if not reached;
                         // with a border, kUndecided where the result depends on a border box
  int64_t max_output;    // no more are kept
  bool ends_at_limit;    // else boxes after it are still tested
  bool want_owner;       // then the suppressor is the first one
  Filter<T> filter;
  Threshold<T> threshold;
  bool is_iou;  // then the predicate is inlined, else called
  Suppresses<T> suppresses;
  // Of a register of boxes those that may suppress the candidate, measured in full (PassLoops).
  uint32_t (*may_meet)(const GroupPass& pass, const Box<T>& candidate, const Chunk<T>& chunk, int lane);
  ChunkPool<T>* pool;
  Bucket<T>* buckets;  // empty at the start
  const Grid* grid;    // null: one bucket
};

template <typename T>
struct PassLoops {
  void (*run)(const GroupPass<T>&);
  uint32_t (*may_meet)(const GroupPass<T>& pass, const Box<T>& candidate, const Chunk<T>& chunk, int lane);
};

// The same functions for each instruction set this binary holds.
struct GreedyPassTable {
  PassLoops<float> of_float;
  PassLoops<double> of_double;
};

}  // namespace ptdet::cpu

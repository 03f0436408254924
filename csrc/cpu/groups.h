// From class ids of any kind to runs of boxes: each group's boxes side by side, in score order.
#pragma once

#include "cpu/parallel.h"

namespace ptdet::cpu {

struct Groups {
  uint32_t count;
  const uint32_t* starts;  // [count + 1] first position of each group
  const uint32_t* ranks;   // [boxes] position -> place in the order of scores
  const uint32_t* rows;    // [boxes] position -> row of the input
};

// Over all boxes, candidates or not (SPEC 1: a NaN id is an error).
bool any_id_is_nan(const Column& ids, int64_t count);
// Writes that nothing is kept; false if an id is NaN, which *output.kept says then.
bool start_pass(const NmsInput& input, const NmsOutput& output);

// rows_by_rank: rows of the input by decreasing score.
Groups group_boxes(const Column& ids, const uint32_t* rows_by_rank, int64_t count, const Host& host);

}  // namespace ptdet::cpu

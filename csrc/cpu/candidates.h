// The candidates in score order.
#pragma once

#include "math/order.h"
#include "cpu/groups.h"
#include "cpu/typed_io.h"
#include "cpu/sort.h"

namespace ptdet::cpu {

struct Ranks {
  const uint32_t* rows;  // candidates by decreasing score, ties by row
  int64_t count;
};

// `scores` in the type they are computed in, of all rows.
template <typename Score>
Ranks rank_scores(const Score* scores, const bool* takes_part, int64_t count, const Host& host) {
  using Key = KeyOf<Score>;
  const KeyValues<Key> loaded{allocate<Key>(host, count), allocate<uint32_t>(host, count)};
  int64_t candidates = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (takes_part && !takes_part[i]) continue;
    loaded.keys[candidates] = score_key(scores[i]);
    loaded.values[candidates++] = static_cast<uint32_t>(i);
  }
  const KeyValues<Key> other{allocate<Key>(host, count), allocate<uint32_t>(host, count)};
  return {sort_pairs(host, loaded, other, candidates).values, candidates};
}

// Null if every row is a candidate.
template <typename Score>
const bool* takes_part(const NmsParams& params, const Score* scores, int64_t count, const Host& host) {
  if (!params.has_score_threshold) return nullptr;
  bool* part = allocate<bool>(host, count);
  for (int64_t i = 0; i < count; ++i) part[i] = static_cast<double>(scores[i]) > params.score_threshold;
  return part;
}

// The same straight from the column.
template <typename Score>
Ranks rank_candidates_as(const NmsInput& input, const NmsParams& params, const Host& host) {
  using Key = KeyOf<Score>;
  const KeyValues<Key> loaded{allocate<Key>(host, input.count), allocate<uint32_t>(host, input.count)};
  int64_t candidates = 0;
  with_type(input.scores.type, input.scores.data, [&](const auto* data) {
    for (int64_t i = 0; i < input.count; ++i) {
      const Score score = static_cast<Score>(data[i * input.scores.stride]);
      if (params.has_score_threshold && !(static_cast<double>(score) > params.score_threshold)) continue;
      loaded.keys[candidates] = score_key(score);
      loaded.values[candidates++] = static_cast<uint32_t>(i);
    }
  });
  const KeyValues<Key> other{allocate<Key>(host, input.count), allocate<uint32_t>(host, input.count)};
  return {sort_pairs(host, loaded, other, candidates).values, candidates};
}

inline Ranks rank_candidates(const NmsInput& input, const NmsParams& params, const Host& host) {
  return with_computed(input.scores.type,
                       [&](auto score) { return rank_candidates_as<decltype(score)>(input, params, host); });
}

// Runs of boxes of one group, each in score order.
inline Groups groups_of(const NmsInput& input, const Ranks& ranks, const Host& host) {
  if (input.groups.data && ranks.count > 0) return group_boxes(input.groups, ranks.rows, ranks.count, host);
  uint32_t* whole = allocate<uint32_t>(host, 2);
  whole[0] = 0, whole[1] = static_cast<uint32_t>(ranks.count);
  return {1, whole, nullptr, ranks.rows};
}

inline uint32_t largest_of(const Groups& groups) {
  uint32_t largest = 0;
  for (uint32_t g = 0; g < groups.count; ++g) {
    const uint32_t size = groups.starts[g + 1] - groups.starts[g];
    largest = size > largest ? size : largest;
  }
  return largest;
}

// visit(rows, count, boxes) for each group: its rows in score order, and their boxes until the next.
template <typename T, typename Shape = Box<T>, typename Visit>
void for_each_group(const NmsInput& input, const Groups& groups, const Host& host, Visit&& visit) {
  Shape* boxes = allocate<Shape>(host, largest_of(groups));
  for (uint32_t g = 0; g < groups.count; ++g) {
    const uint32_t* rows = groups.rows + groups.starts[g];
    const uint32_t count = groups.starts[g + 1] - groups.starts[g];
    gather_boxes(input.boxes, rows, 0, count, boxes);
    visit(rows, count, boxes);
  }
}

// Keeps the rows that own themselves, within the limit. What comes after the last of them owns nothing.
inline void list_self_owned(const NmsParams& params, const Ranks& ranks, int64_t count, const NmsOutput& output,
                            const Host& host) {
  int64_t kept = 0, end = 0;
  bool cut = false;
  for (int64_t r = 0; r < ranks.count && !cut; ++r) {
    const uint32_t row = ranks.rows[r];
    if (output.owner[row] != row) continue;
    cut = kept == params.max_output;
    if (!cut) output.keep[kept++] = row, end = r + 1;
  }
  *output.kept = kept;
  if (!cut) return;
  uint32_t* rank_of = allocate<uint32_t>(host, count);
  for (int64_t r = 0; r < ranks.count; ++r) rank_of[ranks.rows[r]] = static_cast<uint32_t>(r);
  for (int64_t r = 0; r < ranks.count; ++r) {
    int64_t& by = output.owner[ranks.rows[r]];
    if (rank_of[by] >= end) by = -1;
  }
}

}  // namespace ptdet::cpu

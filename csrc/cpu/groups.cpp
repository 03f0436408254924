#include "cpu/groups.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "cpu/numbering.h"

namespace ptdet::cpu {
namespace {

// Keys of the ids along the score order.
void load_keys(const Column& ids, const uint32_t* rows, int64_t count, int64_t* keys) {
  with_type(ids.type, ids.data, [&](const auto* data) {
    using Stored = std::decay_t<decltype(*data)>;
    for (int64_t i = 0; i < count; ++i) {
      const Stored id = data[static_cast<int64_t>(rows[i]) * ids.stride];
      if constexpr (std::is_integral_v<Stored>) {
        keys[i] = group_key(static_cast<int64_t>(id));
      } else {
        keys[i] = group_key(static_cast<double>(id));
      }
    }
  });
}

}  // namespace

bool any_id_is_nan(const Column& ids, int64_t count) {
  bool found = false;
  with_type(ids.type, ids.data, [&](const auto* data) {
    if constexpr (!std::is_integral_v<std::decay_t<decltype(*data)>>)
      for (int64_t i = 0; i < count; ++i) {
        const double id = static_cast<double>(data[i * ids.stride]);
        found |= id != id;
      }
  });
  return found;
}

bool start_pass(const NmsInput& input, const NmsOutput& output) {
  const bool refused = input.groups.data && any_id_is_nan(input.groups, input.count);
  *output.kept = refused ? kGroupIsNan : 0;
  std::fill_n(output.keep, input.count, -1);
  std::fill_n(output.owner, input.count, -1);
  return !refused;
}

Groups group_boxes(const Column& ids, const uint32_t* rows_by_rank, int64_t count, const Host& host) {
  int64_t* keys = allocate<int64_t>(host, count);
  load_keys(ids, rows_by_rank, count, keys);

  Numbering numbering(keys, count, host);
  uint32_t* group = allocate<uint32_t>(host, count);
  for (int64_t i = 0; i < count; ++i) group[i] = numbering.number(keys[i]);

  const uint32_t groups = numbering.count();
  uint32_t* starts = allocate<uint32_t>(host, static_cast<int64_t>(groups) + 2);
  memset(starts, 0, sizeof(uint32_t) * (groups + 2));
  for (int64_t i = 0; i < count; ++i) ++starts[group[i] + 2];
  for (uint32_t g = 2; g < groups + 2; ++g) starts[g] += starts[g - 1];

  // starts[g + 1] is the next free position of group g, and its end once all are placed.
  uint32_t* ranks = allocate<uint32_t>(host, count);
  uint32_t* rows = allocate<uint32_t>(host, count);
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t at = starts[group[i] + 1]++;
    ranks[at] = static_cast<uint32_t>(i);
    rows[at] = rows_by_rank[i];
  }
  return {groups, starts, ranks, rows};
}

}  // namespace ptdet::cpu

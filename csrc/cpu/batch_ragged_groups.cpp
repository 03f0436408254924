// One id for an image and a class: the ids that there are, numbered as they ascend.
#include <algorithm>
#include <type_traits>
#include <utility>

#include "cpu/numbering.h"
#include "cpu/sort.h"

namespace ptdet::cpu {
namespace {

// Ascending as the ids do.
template <typename Stored>
uint64_t sort_key(Stored id) {
  constexpr uint64_t kSign = uint64_t{1} << 63;
  if constexpr (std::is_same_v<Stored, uint64_t>) {
    return id;
  } else if constexpr (std::is_integral_v<Stored>) {
    return static_cast<uint64_t>(group_key(static_cast<int64_t>(id))) ^ kSign;
  } else {
    const uint64_t bits = static_cast<uint64_t>(group_key(static_cast<double>(id)));
    return bits & kSign ? ~bits : bits | kSign;
  }
}

// Calls f(i, key) for the key of each id.
template <typename F>
void each_key(const Column& ids, int64_t count, F&& f) {
  with_type(ids.type, ids.data, [&](const auto* data) {
    for (int64_t i = 0; i < count; ++i) f(i, sort_key(data[i * ids.stride]));
  });
}

// groups[i] = groups[i] * n + how many of the n different ids are below ids[i], of ids that lie near each other.
void number_by_table(const Column& ids, int64_t count, uint64_t low, uint64_t span, int64_t* groups, const Host& host) {
  uint32_t* below = allocate<uint32_t>(host, static_cast<int64_t>(span));
  std::fill_n(below, span, 0);
  each_key(ids, count, [&](int64_t, uint64_t key) { below[key - low] = 1; });
  uint32_t different = 0;
  for (uint64_t k = 0; k < span; ++k) different += std::exchange(below[k], different);
  each_key(ids, count, [&](int64_t i, uint64_t key) { groups[i] = groups[i] * different + below[key - low]; });
}

// The same of any ids.
void number_by_sorting(const Column& ids, int64_t count, int64_t* groups, const Host& host) {
  int64_t* keys = allocate<int64_t>(host, count);
  each_key(ids, count, [&](int64_t i, uint64_t key) { keys[i] = static_cast<int64_t>(key); });
  Numbering numbering(keys, count, host);
  uint32_t* number = allocate<uint32_t>(host, count);
  for (int64_t i = 0; i < count; ++i) number[i] = numbering.number(keys[i]);

  const int64_t different = numbering.count();
  const KeyValues<uint64_t> found{allocate<uint64_t>(host, different), allocate<uint32_t>(host, different)};
  for (int64_t i = 0; i < count; ++i) found.keys[number[i]] = static_cast<uint64_t>(keys[i]);
  for (int64_t n = 0; n < different; ++n) found.values[n] = static_cast<uint32_t>(n);
  const KeyValues<uint64_t> other{allocate<uint64_t>(host, different), allocate<uint32_t>(host, different)};
  const uint32_t* ascending = sort_pairs(host, found, other, different).values;
  uint32_t* below = allocate<uint32_t>(host, different);
  for (int64_t r = 0; r < different; ++r) below[ascending[r]] = static_cast<uint32_t>(r);
  for (int64_t i = 0; i < count; ++i) groups[i] = groups[i] * different + below[number[i]];
}

}  // namespace

Ids ragged_groups(const Column& images, const Column& ids, int64_t count, int64_t num_images, int64_t* groups,
                  const Host& host) {
  bool fine = true;
  with_type(images.type, images.data, [&](const auto* data) {
    if constexpr (std::is_integral_v<std::decay_t<decltype(*data)>>)
      for (int64_t i = 0; i < count; ++i) {
        groups[i] = static_cast<int64_t>(data[i * images.stride]);
        fine &= groups[i] >= 0 && groups[i] < num_images;
      }
    else
      fine = false;
  });
  if (!fine) return Ids::kImageIsUnknown;
  if (!ids.data || count == 0) return Ids::kFine;
  if (any_id_is_nan(ids, count)) return Ids::kIdIsNan;
  uint64_t low = ~uint64_t{0}, high = 0;
  each_key(ids, count, [&](int64_t, uint64_t key) {
    low = std::min(low, key);
    high = std::max(high, key);
  });
  if (high - low < 4 * static_cast<uint64_t>(count) + 1024)
    number_by_table(ids, count, low, high - low + 1, groups, host);
  else
    number_by_sorting(ids, count, groups, host);
  return Ids::kFine;
}

}  // namespace ptdet::cpu

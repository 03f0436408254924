// One id for an image and a class: the ids that there are, numbered as they ascend.
#include <type_traits>

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

struct Places {
  const uint32_t* of;  // [count] how many different ids are below it
  int64_t different;
};

Places places_of(const Column& ids, int64_t count, const Host& host) {
  int64_t* keys = allocate<int64_t>(host, count);
  with_type(ids.type, ids.data, [&](const auto* data) {
    for (int64_t i = 0; i < count; ++i) keys[i] = static_cast<int64_t>(sort_key(data[i * ids.stride]));
  });
  Numbering numbering(keys, count, host);
  uint32_t* place = allocate<uint32_t>(host, count);
  for (int64_t i = 0; i < count; ++i) place[i] = numbering.number(keys[i]);

  const int64_t different = numbering.count();
  const Pairs<uint64_t> found{allocate<uint64_t>(host, different), allocate<uint32_t>(host, different)};
  for (int64_t i = 0; i < count; ++i) found.keys[place[i]] = static_cast<uint64_t>(keys[i]);
  for (int64_t n = 0; n < different; ++n) found.values[n] = static_cast<uint32_t>(n);
  const Pairs<uint64_t> other{allocate<uint64_t>(host, different), allocate<uint32_t>(host, different)};
  const uint32_t* ascending = sort_pairs(host, found, other, different).values;
  uint32_t* rank = allocate<uint32_t>(host, different);
  for (int64_t r = 0; r < different; ++r) rank[ascending[r]] = static_cast<uint32_t>(r);
  for (int64_t i = 0; i < count; ++i) place[i] = rank[place[i]];
  return {place, different};
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
  const Places places = places_of(ids, count, host);
  for (int64_t i = 0; i < count; ++i) groups[i] = groups[i] * places.different + places.of[i];
  return Ids::kFine;
}

}  // namespace ptdet::cpu

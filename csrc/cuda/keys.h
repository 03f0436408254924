// Sort keys as aten::sort reads them, which knows signed integers only: math/order.h's key with its top bit flipped
// has the same order. The largest is left for boxes that are no candidates; no score reaches it.
#pragma once

#include <type_traits>

#include "math/order.h"
#include "api/api.h"

namespace ptdet::cuda {

template <typename Score>
using SortKey = std::conditional_t<sizeof(Score) == 8, int64_t, int32_t>;

template <typename Score>
PTDET_HD SortKey<Score> sort_key(Score score) {
  const auto key = score_key(score);
  return static_cast<SortKey<Score>>(key ^ (decltype(key)(1) << (8 * sizeof(key) - 1)));
}

template <typename Key>
PTDET_HD Key no_candidate_key() {
  return static_cast<Key>(~static_cast<std::make_unsigned_t<Key>>(0) >> 1);
}

// The keys of one call, whichever their type.
struct Keys {
  const void* data;
  bool wide;

  PTDET_HD bool is_candidate(int64_t row) const {
    return wide ? static_cast<const int64_t*>(data)[row] != no_candidate_key<int64_t>()
                : static_cast<const int32_t*>(data)[row] != no_candidate_key<int32_t>();
  }
};

}  // namespace ptdet::cuda

// Rows picked by number.
#include <atomic>
#include <cstring>

#include "cpu/parallel.h"

namespace ptdet::cpu {
namespace {

template <typename Element>
bool pick(const RowsInput& input, const int64_t* places, int64_t count, int64_t padding, Element* out,
          const Host& host) {
  Element pad;
  memcpy(&pad, &padding, sizeof(pad));  // the low bytes are the integer of this size, and 0 is 0 in every type
  std::atomic<bool> fine{true};
  parallel_ranges(host, count, parts_for(host, count), [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      const int64_t row = places[k];
      Element* to = out + k * input.columns;
      if (row < -1 || row >= input.count) {
        fine = false;
        return;
      }
      const Element* from = static_cast<const Element*>(input.data) + row * input.row_stride;
      for (int64_t c = 0; c < input.columns; ++c) to[c] = row < 0 ? pad : from[c * input.column_stride];
    }
  });
  return fine;
}

}  // namespace

bool rows_at(const RowsInput& input, const int64_t* places, int64_t count, int64_t padding, void* out,
             const Host& host) {
  switch (input.bytes) {
    case 8: return pick(input, places, count, padding, static_cast<uint64_t*>(out), host);
    case 4: return pick(input, places, count, padding, static_cast<uint32_t*>(out), host);
    case 2: return pick(input, places, count, padding, static_cast<uint16_t*>(out), host);
    default: return pick(input, places, count, padding, static_cast<uint8_t*>(out), host);
  }
}

}  // namespace ptdet::cpu

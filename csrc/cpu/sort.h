// A stable radix sort of (key, value) pairs by ascending key: linear, and the digits that all keys share cost
// one look. Parts are counted and scattered in parallel; where each part's run begins follows from the counts,
// so the order does not depend on the number of threads.
#pragma once

#include <cstring>
#include <utility>

#include "cpu/simd/simd_table.h"
#include "cpu/parallel.h"

namespace ptdet::cpu {

constexpr uint32_t kFewPairs = 160;

template <typename Key>
struct KeyValues {
  Key* keys;
  uint32_t* values;
};

template <typename Key, int kBits>
class RadixSort {
  static constexpr int kDigits = 1 << kBits;
  static constexpr int kPasses = (static_cast<int>(sizeof(Key)) * 8 + kBits - 1) / kBits;
  static uint32_t digit(Key key, int pass) { return static_cast<uint32_t>(key >> (pass * kBits)) & (kDigits - 1); }

 public:
  static KeyValues<Key> run(const Host& host, KeyValues<Key> from, KeyValues<Key> to, int64_t count) {
    const int64_t parts = parts_for(host, count);
    uint32_t* counts = allocate<uint32_t>(host, parts * kPasses * kDigits);
    parallel_for(host, parts, [&](int64_t part) {
      uint32_t* mine = counts + part * kPasses * kDigits;
      memset(mine, 0, sizeof(uint32_t) * kPasses * kDigits);
      for (int64_t i = count * part / parts; i < count * (part + 1) / parts; ++i)
        for (int pass = 0; pass < kPasses; ++pass) ++mine[pass * kDigits + digit(from.keys[i], pass)];
    });
    bool counted = true;  // do the parts' counts describe `from` as it lies now?
    for (int pass = 0; pass < kPasses; ++pass) {
      if (same_digit(counts, parts, pass, digit(from.keys[0], pass), count)) continue;
      if (!counted && parts > 1) recount(host, counts, parts, from.keys, count, pass);
      counts_to_starts(counts, parts, pass);
      parallel_for(host, parts, [&](int64_t part) {
        uint32_t* next = counts + (part * kPasses + pass) * kDigits;
        for (int64_t i = count * part / parts; i < count * (part + 1) / parts; ++i) {
          const uint32_t at = next[digit(from.keys[i], pass)]++;
          to.keys[at] = from.keys[i];
          to.values[at] = from.values[i];
        }
      });
      std::swap(from, to);
      counted = false;
    }
    return from;
  }

 private:
  static bool same_digit(const uint32_t* counts, int64_t parts, int pass, uint32_t d, int64_t count) {
    int64_t sum = 0;
    for (int64_t part = 0; part < parts; ++part) sum += counts[(part * kPasses + pass) * kDigits + d];
    return sum == count;
  }

  static void recount(const Host& host, uint32_t* counts, int64_t parts, const Key* keys, int64_t count, int pass) {
    parallel_for(host, parts, [&](int64_t part) {
      uint32_t* mine = counts + (part * kPasses + pass) * kDigits;
      memset(mine, 0, sizeof(uint32_t) * kDigits);
      for (int64_t i = count * part / parts; i < count * (part + 1) / parts; ++i) ++mine[digit(keys[i], pass)];
    });
  }

  static void counts_to_starts(uint32_t* counts, int64_t parts, int pass) {
    uint32_t start = 0;
    for (int d = 0; d < kDigits; ++d)
      for (int64_t part = 0; part < parts; ++part) {
        uint32_t& slot = counts[(part * kPasses + pass) * kDigits + d];
        start += std::exchange(slot, start);
      }
  }
};

// The 32 bits of a key that decide first.
inline uint32_t leading(uint32_t key) { return key; }
inline uint32_t leading(uint64_t key) { return static_cast<uint32_t>(key >> 32); }

// A few pairs whose keys all differ in their leading bits: a key's place is how many are smaller. False if two do not.
template <typename Key>
bool place_by_counting(KeyValues<Key> from, KeyValues<Key> to, uint32_t count) {
  int32_t keys[kFewPairs], places[kFewPairs];
  const uint32_t padded = (count + 15) / 16 * 16;
  for (uint32_t i = 0; i < count; ++i) keys[i] = static_cast<int32_t>(leading(from.keys[i]) ^ 0x80000000u);
  for (uint32_t i = count; i < padded; ++i) keys[i] = 0;
  simd().count_smaller(keys, count, padded, places);
  memset(to.values, 0xff, count * sizeof(uint32_t));
  for (uint32_t i = 0; i < count; ++i) {
    if (to.values[places[i]] != 0xffffffffu) return false;
    to.values[places[i]] = from.values[i];
    to.keys[places[i]] = from.keys[i];
  }
  return true;
}

// By ascending key, stably; returns whichever of the two buffers holds the result.
template <typename Key>
KeyValues<Key> sort_pairs(const Host& host, KeyValues<Key> from, KeyValues<Key> to, int64_t count) {
  if (count < 2) return from;
  const bool may_place = count <= kFewPairs && leading(from.keys[0]) != leading(from.keys[1]);
  if (may_place && place_by_counting(from, to, static_cast<uint32_t>(count))) return to;
  return count < 4096 ? RadixSort<Key, 8>::run(host, from, to, count) : RadixSort<Key, 11>::run(host, from, to, count);
}

}  // namespace ptdet::cpu

// From ids to numbers counted from 0.
#pragma once

#include <algorithm>

#include "math/order.h"
#include "cpu/groups.h"
#include "cpu/typed_io.h"

namespace ptdet::cpu {

// Replaces keys by group numbers counted in order of first appearance. Ids that span little more than there are
// boxes index a table, others are hashed.
class Numbering {
 public:
  Numbering(const int64_t* keys, int64_t count, const Host& host) {
    const auto [low, high] = std::minmax_element(keys, keys + count);
    low_ = *low;
    const uint64_t span = static_cast<uint64_t>(*high) - static_cast<uint64_t>(*low);
    direct_ = span < 4 * static_cast<uint64_t>(count) + 1024;
    size_ = direct_ ? span + 1 : 1;
    while (!direct_ && size_ < 2 * static_cast<uint64_t>(count)) size_ *= 2;
    numbers_ = allocate<uint32_t>(host, static_cast<int64_t>(size_));
    std::fill_n(numbers_, size_, kFree);
    if (!direct_) slots_ = allocate<int64_t>(host, static_cast<int64_t>(size_));
  }

  uint32_t number(int64_t key) {
    const uint64_t slot = direct_ ? static_cast<uint64_t>(key) - static_cast<uint64_t>(low_) : find(key);
    if (numbers_[slot] == kFree) {
      numbers_[slot] = count_++;
      if (!direct_) slots_[slot] = key;
    }
    return numbers_[slot];
  }

  uint32_t count() const { return count_; }

 private:
  static constexpr uint32_t kFree = 0xffffffffu;

  uint64_t find(int64_t key) const {
    uint64_t h = static_cast<uint64_t>(key) * 0x9e3779b97f4a7c15ull;  // 2^64 / golden ratio: Fibonacci hashing
    h ^= h >> 32;
    for (uint64_t slot = h & (size_ - 1);; slot = (slot + 1) & (size_ - 1))
      if (numbers_[slot] == kFree || slots_[slot] == key) return slot;
  }

  int64_t low_;
  bool direct_;
  uint64_t size_;
  uint32_t* numbers_;
  int64_t* slots_ = nullptr;
  uint32_t count_ = 0;
};

}  // namespace ptdet::cpu

// The best score of those left, where scores fall and boxes leave: each block of 64 knows its best place, and a
// knock-out tree over the blocks knows the best of all. Ties go to the lower row.
#pragma once

#include <algorithm>

#include "cpu/parallel.h"

namespace ptdet::cpu {

template <typename Key>
class BestFirst {
  static constexpr uint32_t kBlock = 64;

 public:
  static constexpr Key kGone = static_cast<Key>(~Key(0));  // no score has this key
  static constexpr uint32_t kNobodyLeft = 0xffffffffu;

  BestFirst(uint32_t capacity, const Host& host)
      : keys_(allocate<Key>(host, capacity)),
        rows_(allocate<uint32_t>(host, capacity)),
        winners_(allocate<uint32_t>(host, 4 * (capacity / kBlock + 1))) {}

  // Then set() each place, then play().
  void reset(uint32_t count) {
    count_ = count;
    blocks_ = (count + kBlock - 1) / kBlock;
    for (leaves_ = 1; leaves_ < blocks_;) leaves_ *= 2;
  }
  void set(uint32_t place, Key key, uint32_t row) { keys_[place] = key, rows_[place] = row; }
  void play() {
    std::fill_n(winners_, 2 * leaves_, kNobodyLeft);
    for (uint32_t block = 0; block < blocks_; ++block) winners_[leaves_ + block] = best_of(block);
    for (uint32_t node = leaves_ - 1; node > 0; --node) winners_[node] = better(2 * node);
  }

  uint32_t best() const { return winners_[1]; }

  void change(uint32_t place, Key key) { keys_[place] = key; }
  // After changes in a block that left no key smaller: `changed` are its places' bits.
  void settle(uint32_t block, uint64_t changed) {
    uint32_t& winner = winners_[leaves_ + block];
    if (winner == kNobodyLeft || !(changed >> winner % kBlock & 1)) return;
    winner = best_of(block);
    for (uint32_t node = (leaves_ + block) / 2; node > 0; node /= 2) winners_[node] = better(2 * node);
  }

 private:
  bool before(uint32_t a, uint32_t b) const {
    return keys_[a] < keys_[b] || (keys_[a] == keys_[b] && rows_[a] < rows_[b]);
  }
  uint32_t better(uint32_t node) const {
    const uint32_t a = winners_[node], b = winners_[node + 1];
    if (a == kNobodyLeft || b == kNobodyLeft) return a == kNobodyLeft ? b : a;
    return before(b, a) ? b : a;
  }
  uint32_t best_of(uint32_t block) const {
    const uint32_t begin = block * kBlock, end = std::min(count_, begin + kBlock);
    Key least = kGone;
    for (uint32_t place = begin; place < end; ++place) least = std::min(least, keys_[place]);
    if (least == kGone) return kNobodyLeft;
    uint32_t found = kNobodyLeft;
    for (uint32_t place = begin; place < end; ++place)
      if (keys_[place] == least && (found == kNobodyLeft || rows_[place] < rows_[found])) found = place;
    return found;
  }

  Key* keys_;
  uint32_t* rows_;
  uint32_t* winners_;  // node n has the children 2n and 2n + 1; leaves are the blocks
  uint32_t count_ = 0, blocks_ = 0, leaves_ = 1;
};

}  // namespace ptdet::cpu

// The best score of those left, where scores fall and boxes leave: each block of 64 knows its best place, and a
// knock-out tree over the blocks knows the best of all. Ties go to the lower row.
#pragma once

#include <algorithm>

#include "cpu/parallel.h"
#include "cpu/simd/simd_table.h"

namespace ptdet::cpu {

template <typename Score>
class TournamentTree {
  using Key = KeyOf<Score>;
  static constexpr Key kGone = BlockScores<Score>::kGone;
  static constexpr uint32_t kBlock = 64;

 public:
  static constexpr uint32_t kNobodyLeft = 0xffffffffu;

  TournamentTree(uint32_t capacity, const Host& host)
      : scores_(allocate<Score>(host, capacity + kBlock)),
        keys_(allocate<Key>(host, capacity + kBlock)),
        rows_(allocate<uint32_t>(host, capacity + kBlock)),
        winners_(allocate<uint32_t>(host, 4 * (capacity / kBlock + 1))) {}

  // Then set() each place, then play().
  void reset(uint32_t count) {
    blocks_ = (count + kBlock - 1) / kBlock;
    for (leaves_ = 1; leaves_ < blocks_;) leaves_ *= 2;
    std::fill(scores_ + count, scores_ + blocks_ * kBlock, Score(0));
    std::fill(keys_ + count, keys_ + blocks_ * kBlock, kGone);
  }
  void set(uint32_t place, Score score, uint32_t row) {
    scores_[place] = score, keys_[place] = score_key(score), rows_[place] = row;
  }
  void play() {
    std::fill_n(winners_, 2 * leaves_, kNobodyLeft);
    for (uint32_t block = 0; block < blocks_; ++block) winners_[leaves_ + block] = best_of(block);
    for (uint32_t node = leaves_ - 1; node > 0; --node) winners_[node] = better(2 * node);
  }

  Score score(uint32_t place) const { return scores_[place]; }
  BlockScores<Score> block(uint32_t block) const { return {scores_ + block * kBlock, keys_ + block * kBlock}; }

  uint32_t best() const { return winners_[1]; }
  void take(uint32_t place) {
    keys_[place] = kGone;
    settle(place / kBlock, {uint64_t(1) << place % kBlock, 0, false});
  }
  // After changes in a block.
  void settle(uint32_t block, const Fallen& fallen) {
    uint32_t& winner = winners_[leaves_ + block];
    if (winner == kNobodyLeft || (!fallen.some_rose && !(fallen.lanes >> winner % kBlock & 1))) return;
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
    uint64_t equal = decay_loops<Score>().least(keys_ + block * kBlock);
    uint32_t found = block * kBlock + static_cast<uint32_t>(__builtin_ctzll(equal));
    if (keys_[found] == kGone) return kNobodyLeft;
    while (equal &= equal - 1) {
      const uint32_t place = block * kBlock + static_cast<uint32_t>(__builtin_ctzll(equal));
      if (rows_[place] < rows_[found]) found = place;
    }
    return found;
  }

  Score* scores_;      // [place] as they are now
  Key* keys_;          // [place]
  uint32_t* rows_;     // [place]
  uint32_t* winners_;  // node n has the children 2n and 2n + 1; leaves are the blocks
  uint32_t blocks_ = 0, leaves_ = 1;
};

}  // namespace ptdet::cpu

// Hard NMS: sort, group, run the greedy pass over each group, list the result by decreasing score.
#include <algorithm>
#include <atomic>

#include "cpu/candidates.h"
#include "cpu/tiles.h"
#include "cpu/greedy_pass.h"

namespace ptdet::cpu {
namespace {

// suppressors[i]: as GroupPass::suppressor, in positions of the whole array.
template <typename T>
void pass_over_groups(const NmsParams& params, bool want_owner, const Box<T>* boxes, const Groups& groups,
                      int64_t count, uint32_t* suppressors, const Host& host) {
  std::atomic<uint32_t> next{0};
  const int64_t workers = std::min<int64_t>(groups.count, parts_for(host, 8 * count));
  parallel_for(host, workers, [&](int64_t) {
    PassRunner<T> runner(params, want_owner, host);
    for (uint32_t g; (g = next++) < groups.count;) {
      const uint32_t start = groups.starts[g], size = groups.starts[g + 1] - start;
      if (size == 1 && params.max_output > 0) {
        suppressors[start] = start;
        continue;
      }
      runner.run(boxes + start, size, nullptr, suppressors + start);
      for (uint32_t i = start; start && i < start + size; ++i)
        if (suppressors[i] != kNobody) suppressors[i] += start;
    }
  });
}

enum class TileState : uint8_t { kRemoved, kKept, kUndecided };

// What became of one group's candidates, in the order of scores.
template <typename T>
TileState* pass_over_tiles(const NmsInput& input, const NmsParams& params, const Tiles& tiles, const Ranks& ranked,
                           const Host& host) {
  TileState* states = allocate<TileState>(host, ranked.count);
  uint32_t largest = 0;
  for (uint32_t t = 0; t < tiles.count; ++t) largest = std::max(largest, tiles.starts[t + 1] - tiles.starts[t]);

  std::atomic<uint32_t> next{0};
  parallel_for(host, std::min<int64_t>(tiles.count, host.threads), [&](int64_t) {
    PassRunner<T> runner(params, false, host);
    Box<T>* boxes = allocate<Box<T>>(host, largest);
    uint32_t* suppressors = allocate<uint32_t>(host, largest);
    for (uint32_t t; (t = next++) < tiles.count;) {
      const uint32_t start = tiles.starts[t], size = tiles.starts[t + 1] - start;
      gather_boxes(input.boxes, tiles.rows + start, 0, size, boxes);
      runner.run(boxes, size, tiles.border + start, suppressors);
      for (uint32_t i = 0; i < size; ++i)
        states[tiles.ranks[start + i]] = suppressors[i] == i            ? TileState::kKept
                                         : suppressors[i] == kUndecided ? TileState::kUndecided
                                                                        : TileState::kRemoved;
    }
  });

  const int64_t undecided = std::count(states, states + ranked.count, TileState::kUndecided);
  uint32_t* ranks = allocate<uint32_t>(host, undecided);
  uint32_t* rows = allocate<uint32_t>(host, undecided);
  for (int64_t rank = 0, i = 0; i < undecided; ++rank) {
    if (states[rank] != TileState::kUndecided) continue;
    ranks[i] = static_cast<uint32_t>(rank);
    rows[i++] = ranked.rows[rank];
  }
  Box<T>* boxes = allocate<Box<T>>(host, undecided);
  uint32_t* suppressors = allocate<uint32_t>(host, undecided);
  gather_boxes(input.boxes, rows, 0, undecided, boxes);
  PassRunner<T>(params, false, host).run(boxes, static_cast<uint32_t>(undecided), nullptr, suppressors);
  for (int64_t i = 0; i < undecided; ++i)
    states[ranks[i]] = suppressors[i] == i ? TileState::kKept : TileState::kRemoved;
  return states;
}

// The rows of kept boxes in the order of scores, up to the limit, then -1.
template <typename IsKept>
void list_kept(const NmsParams& params, const Ranks& ranked, int64_t count, const NmsOutput& output, IsKept&& is_kept) {
  int64_t kept = 0;
  for (int64_t rank = 0; rank < ranked.count && kept < params.max_output; ++rank)
    if (is_kept(rank)) output.keep[kept++] = ranked.rows[rank];
  std::fill(output.keep + kept, output.keep + count, -1);
  *output.kept = kept;
}

void list_owners(const Groups& groups, const uint32_t* suppressors, int64_t candidates, int64_t count,
                 const NmsOutput& output) {
  std::fill_n(output.owner, count, -1);
  for (int64_t k = 0; k < *output.kept; ++k) output.owner[output.keep[k]] = output.keep[k];
  for (int64_t i = 0; i < candidates; ++i) {
    if (suppressors[i] == i || suppressors[i] == kNobody) continue;
    const uint32_t owner = groups.rows[suppressors[i]];
    if (output.owner[owner] == owner) output.owner[groups.rows[i]] = owner;  // else max_output cut the owner off
  }
}

template <typename T>
void run(const NmsInput& input, const NmsParams& params, const NmsOutput& output, const Host& host) {
  const Ranks ranked = rank_candidates(input, params, host);
  const int64_t count = ranked.count;

  const bool grouped = input.groups.data != nullptr;
  if (grouped && any_id_is_nan(input.groups, input.count)) {
    *output.kept = kGroupIsNan;
    return;
  }
  const uint32_t whole[2] = {0, static_cast<uint32_t>(count)};
  Groups groups{1, whole, nullptr, ranked.rows};
  if (grouped && count > 0) groups = group_boxes(input.groups, ranked.rows, count, host);

  // One pass that ends early needs no tiles; and tiles say which boxes are removed, not by which box.
  if (groups.count == 1 && !output.owner && params.max_output > count / 2) {
    const Tiles tiles = cut_into_tiles<T>(input.boxes, ranked.rows, count, Filter<T>::from(params), host);
    if (tiles.count) {
      const TileState* states = pass_over_tiles<T>(input, params, tiles, ranked, host);
      list_kept(params, ranked, input.count, output, [&](int64_t rank) { return states[rank] == TileState::kKept; });
      return;
    }
  }

  Box<T>* boxes = allocate<Box<T>>(host, count);
  parallel_ranges(host, count, parts_for(host, count),
                  [&](int64_t begin, int64_t end) { gather_boxes(input.boxes, groups.rows, begin, end, boxes); });
  uint32_t* suppressors = allocate<uint32_t>(host, count);
  pass_over_groups(params, output.owner != nullptr, boxes, groups, count, suppressors, host);

  if (groups.ranks) {  // a position is not a rank
    bool* kept = allocate<bool>(host, count);
    for (int64_t i = 0; i < count; ++i) kept[groups.ranks[i]] = suppressors[i] == i;
    list_kept(params, ranked, input.count, output, [&](int64_t rank) { return kept[rank]; });
  } else {
    list_kept(params, ranked, input.count, output, [&](int64_t rank) { return suppressors[rank] == rank; });
  }
  if (output.owner) list_owners(groups, suppressors, count, input.count, output);
}

}  // namespace

void nms(const NmsInput& input, const NmsParams& params, const NmsOutput& output, const Host& host) {
  if (input.count == 0) {
    *output.kept = 0;
    return;
  }
  with_computed(input.boxes.type, [&](auto box) { run<decltype(box)>(input, params, output, host); });
}

}  // namespace ptdet::cpu

// Hard NMS: sort, group, walk each group, read the result off in the order of scores.
#include <algorithm>
#include <atomic>

#include "core/order.h"
#include "cpu/grid.h"
#include "cpu/groups.h"
#include "cpu/isa.h"
#include "cpu/load.h"
#include "cpu/sort.h"
#include "switch.h"

namespace ptdet::cpu {
namespace {

struct Ranked {
  const uint32_t* rows;  // candidates by decreasing score, ties by row
  int64_t count;
};

// Keys of the candidates and their rows, in row order; returns how many there are.
template <typename Key>
int64_t load_candidates(const NmsInput& input, const NmsParams& params, Pairs<Key> out) {
  using Score = std::conditional_t<sizeof(Key) == 8, double, float>;
  int64_t candidates = 0;
  with_type(input.scores.type, input.scores.data, [&](const auto* data) {
    for (int64_t i = 0; i < input.count; ++i) {
      const Score score = static_cast<Score>(data[i * input.scores.stride]);
      if (params.has_score_threshold && !(static_cast<double>(score) > params.score_threshold)) continue;
      out.keys[candidates] = score_key(score);
      out.values[candidates++] = static_cast<uint32_t>(i);
    }
  });
  return candidates;
}

template <typename Key>
Ranked rank_as(const NmsInput& input, const NmsParams& params, const Host& host) {
  const auto pairs = [&] {
    return Pairs<Key>{allocate<Key>(host, input.count), allocate<uint32_t>(host, input.count)};
  };
  const Pairs<Key> loaded = pairs();
  const int64_t candidates = load_candidates(input, params, loaded);
  return {radix_sort(host, loaded, pairs(), candidates).values, candidates};
}

Ranked rank_by_score(const NmsInput& input, const NmsParams& params, const Host& host) {
  return input.scores.type == Type::kFloat64 ? rank_as<uint64_t>(input, params, host)
                                             : rank_as<uint32_t>(input, params, host);
}

template <typename T>
void walk(const Walk<T>& job) {
  if constexpr (sizeof(T) == 8)
    walk_table().walk_double(job);
  else
    walk_table().walk_float(job);
}

template <typename T>
Walk<T> make_walk(const NmsParams& params, bool want_owner) {
  Walk<T> job{};
  job.max_output = params.max_output;
  job.want_owner = want_owner;
  job.filter = Filter<T>::from(params);
  job.threshold = Threshold<T>::from(params.iou_threshold, params.inclusive, params.beta);
  job.suppresses = with_suppression(params, [](auto measure) { return &suppresses<decltype(measure), T>; });
  return job;
}

// removers[i]: as Walk::remover, in positions of the whole array.
template <typename T>
void walk_groups(Walk<T> job, const Box<T>* boxes, const uint32_t* starts, int64_t groups, uint32_t* removers,
                 const Host& host) {
  std::atomic<int64_t> next{0};
  const int64_t workers = std::min<int64_t>(groups, parts_for(host, 8 * static_cast<int64_t>(starts[groups])));
  parallel_for(host, workers, [&, job](int64_t) {
    ChunkPool<T> pool(host);
    for (int64_t g; (g = next++) < groups;) {
      Walk<T> mine = job;
      mine.boxes = boxes + starts[g];
      mine.count = starts[g + 1] - starts[g];
      mine.remover = removers + starts[g];
      mine.pool = &pool;
      mine.grid = lay_out_grid(mine.boxes, mine.count, mine.filter, host);
      Bucket<T> single{};
      mine.buckets = &single;
      if (mine.grid) {
        const int64_t buckets = static_cast<int64_t>(mine.grid->bucket_mask) + 1;
        mine.buckets = allocate<Bucket<T>>(host, buckets);
        std::fill_n(mine.buckets, buckets, Bucket<T>{});
      }
      walk(mine);
      for (uint32_t i = 0; i < mine.count; ++i)
        if (mine.remover[i] != kNobody) mine.remover[i] += starts[g];
    }
  });
}

template <typename T>
void run(const NmsInput& input, const NmsParams& params, const NmsOutput& output, const Host& host) {
  const Ranked ranked = rank_by_score(input, params, host);
  const int64_t count = ranked.count;

  const bool grouped = input.groups.data != nullptr;
  const uint32_t whole[2] = {0, static_cast<uint32_t>(count)};
  if (grouped && any_id_is_nan(input.groups, input.count)) {
    *output.kept = kGroupIsNan;
    return;
  }
  Groups groups{1, whole, nullptr, ranked.rows};
  if (grouped && count > 0) groups = group_boxes(input.groups, ranked.rows, count, host);

  Box<T>* boxes = allocate<Box<T>>(host, count);
  parallel_ranges(host, count, parts_for(host, count), [&](int64_t begin, int64_t end) {
    gather_boxes(input.boxes, groups.rows, begin, end, boxes);
  });
  uint32_t* removers = allocate<uint32_t>(host, count);
  walk_groups(make_walk<T>(params, output.owner != nullptr), boxes, groups.starts, groups.count, removers, host);

  // Kept boxes in the order of scores. With groups a position is not a rank: mark the ranks first.
  bool* kept_rank = nullptr;
  if (groups.ranks) {
    kept_rank = allocate<bool>(host, count);
    for (int64_t i = 0; i < count; ++i) kept_rank[groups.ranks[i]] = removers[i] == i;
  }
  int64_t kept = 0;
  for (int64_t rank = 0; rank < count && kept < params.max_output; ++rank)
    if (kept_rank ? kept_rank[rank] : removers[rank] == rank) output.keep[kept++] = ranked.rows[rank];
  std::fill(output.keep + kept, output.keep + input.count, -1);
  *output.kept = kept;

  if (!output.owner) return;
  std::fill_n(output.owner, input.count, -1);
  for (int64_t k = 0; k < kept; ++k) output.owner[output.keep[k]] = output.keep[k];
  for (int64_t i = 0; i < count; ++i) {
    if (removers[i] == i || removers[i] == kNobody) continue;
    const uint32_t owner = groups.rows[removers[i]];
    if (output.owner[owner] == owner) output.owner[groups.rows[i]] = owner;  // else max_output cut the owner off
  }
}

}  // namespace

void nms(const NmsInput& input, const NmsParams& params, const NmsOutput& output, const Host& host) {
  if (input.count == 0) {
    *output.kept = 0;
    return;
  }
  if (input.boxes.type == Type::kFloat64)
    run<double>(input, params, output, host);
  else
    run<float>(input, params, output, host);
}

}  // namespace ptdet::cpu

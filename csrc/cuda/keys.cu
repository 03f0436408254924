// What the torch room sorts by: the score of each box, and the group of each box along that order.
#include "cuda/keys.h"

#include "api/dispatch.h"
#include "cuda/load.h"

namespace ptdet::cuda {
namespace {

template <typename Score>
__global__ void write_score_keys(Column scores, int64_t count, bool limited, Score bound, SortKey<Score>* keys) {
  const int64_t row = thread_in_grid();
  if (row >= count) return;
  const Score score = load<Score>(scores, row);
  const bool candidate = !limited || score > bound;
  keys[row] = candidate ? sort_key(score) : no_candidate_key<SortKey<Score>>();
}

__global__ void write_group_keys(Column ids, bool floating, int64_t count, const int64_t* order, int64_t* groups,
                                 int64_t* kept) {
  const int64_t rank = thread_in_grid();
  if (rank >= count) return;
  const int64_t row = order[rank];
  if (!floating) {
    groups[rank] = group_key(load<int64_t>(ids, row));
    return;
  }
  const double id = load<double>(ids, row);
  groups[rank] = group_key(id);
  if (id != id) atomicMin(reinterpret_cast<long long*>(kept), static_cast<long long>(kGroupIsNan));
}

template <typename Score>
void launch_score_keys(const NmsInput& input, const NmsParams& params, void* keys, void* stream) {
  const Score bound = Threshold<Score>::from(params.score_threshold, false).bound;
  const auto kernel = write_score_keys<Score>;
  LAUNCH(kernel, blocks_for(input.count, kBlock), kBlock, stream, input.scores, input.count, params.has_score_threshold,
         bound, static_cast<SortKey<Score>*>(keys));
}

}  // namespace

void score_keys(const NmsInput& input, const NmsParams& params, void* keys, void* stream) {
  if (input.count == 0) return;
  with_computed(input.scores.type,
                [&](auto score) { launch_score_keys<decltype(score)>(input, params, keys, stream); });
}

void group_keys(const NmsInput& input, const int64_t* order, int64_t* groups, int64_t* kept, void* stream) {
  if (input.count == 0) return;
  LAUNCH(write_group_keys, blocks_for(input.count, kBlock), kBlock, stream, input.groups,
         is_floating(input.groups.type), input.count, order, groups, kept);
}

}  // namespace ptdet::cuda

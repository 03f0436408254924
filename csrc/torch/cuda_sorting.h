// Boxes sorted by torch for the CUDA kernels: by score, by group, by cluster.
#pragma once

#include <array>

#include "torch/cuda_call.h"

namespace ptdet::cuda {

inline std::tuple<Tensor, Tensor> sort_ascending(const Tensor& keys) {
  using torch::stable::detail::from;
  std::array<StableIValue, 4> stack{from(keys), from(std::optional<bool>(true)), from(int64_t{0}), from(false)};
  TORCH_ERROR_CODE_CHECK(torch_call_dispatcher("aten::sort", "stable", stack.data(), TORCH_ABI_VERSION));
  return {torch::stable::detail::to<Tensor>(stack[0]), torch::stable::detail::to<Tensor>(stack[1])};
}

inline Tensor select_rows(const Tensor& values, const Tensor& rows) {
  using torch::stable::detail::from;
  std::array<StableIValue, 3> stack{from(values), from(int64_t{0}), from(rows)};
  TORCH_ERROR_CODE_CHECK(torch_call_dispatcher("aten::index_select", "", stack.data(), TORCH_ABI_VERSION));
  return torch::stable::detail::to<Tensor>(stack[0]);
}

// The boxes sorted by score and, where there are groups, by group; it owns what `sorted` points to.
class Sorting {
 public:
  Sorting(const Call& call, const NmsInput& input, const NmsParams& params, int64_t* num_kept)
      : Sorting(call, input, keys_of_scores(call, input, params), num_kept) {}

  Sorting(const Call& call, const NmsInput& input, const Tensor& keys, int64_t* num_kept) : keys_(keys) {
    by_score_ = std::get<1>(sort_ascending(keys_));
    sorted = {indices(*by_score_), nullptr, nullptr, keys_.const_data_ptr()};
    if (!input.groups.data) return;
    const Tensor group = new_tensor(call, input.count, ScalarType::Long);
    group_keys(input, sorted.by_score, indices(group), num_kept, call);
    const auto [values, places] = sort_ascending(group);
    groups_ = values;
    by_group_ = select_rows(*by_score_, places);
    sorted.groups = indices(*groups_);
    sorted.by_group = indices(*by_group_);
  }

  // Keys of numbers that are computed with as `type`.
  static Tensor new_keys(const Call& call, int64_t count, Type type) {
    return new_tensor(call, count, type == Type::kFloat64 ? ScalarType::Long : ScalarType::Int);
  }

  NmsSorted sorted;

 private:
  static Tensor keys_of_scores(const Call& call, const NmsInput& input, const NmsParams& params) {
    const Tensor keys = new_keys(call, input.count, input.scores.type);
    score_keys(input, params, keys.mutable_data_ptr(), call);
    return keys;
  }

  Tensor keys_;
  std::optional<Tensor> by_score_, groups_, by_group_;
};

// A pass whose input is sorted, and that asks for nothing else.
using SortedPass = void (*)(const NmsInput& input, const NmsParams& params, const NmsSorted& sorted,
                            const NmsOutput& output, void* scratch, void* stream);

inline void sort_and_pass(const Call& call, const NmsInput& input, const NmsParams& params, const NmsOutput& output,
                          size_t scratch_bytes, SortedPass pass) {
  call.clear(output.kept);
  if (input.count == 0) return;
  const Sorting sorting(call, input, params, output.kept);
  pass(input, params, sorting.sorted, output, Scratch(call, scratch_bytes), call);
}

// The greedy pass over what is sorted; *output.kept is 0 or says that a group is NaN.
inline void greedy_pass(const Call& call, const NmsInput& input, const NmsParams& params, const Sorting& sorting,
                        const NmsOutput& output) {
  nms(input, params, sorting.sorted, output, Scratch(call, nms_scratch_bytes(input)), call);
}

// The boxes sorted by the kept box that they are members of; in one cluster, by score.
class Clusters {
 public:
  Clusters(const Call& call, const NmsInput& input, const MergeParams& params, const Sorting& sorting,
           const NmsOutput& pass)
      : scratch_(call, merge_scratch_bytes(input.count)) {
    const Tensor keys = new_tensor(call, input.count, ScalarType::Long);
    merge_clusters(input, params, sorting.sorted, pass, indices(keys), scratch_, call);
    const auto [sorted, ranks] = sort_ascending(keys);
    keys_ = sorted;
    ranks_ = ranks;
  }

  const int64_t* keys() const { return indices(*keys_); }
  const int64_t* ranks() const { return indices(*ranks_); }
  void* scratch() const { return scratch_; }

 private:
  Scratch scratch_;
  std::optional<Tensor> keys_, ranks_;
};

}  // namespace ptdet::cuda

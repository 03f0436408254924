// What the CUDA operators borrow from torch: the device, its stream, memory and sorting.
#pragma once

#include <array>

#include "torch/arguments.h"
#include "torch/device.h"

namespace ptdet::cuda {

inline Tensor new_tensor(const Tensor& like, int64_t count, ScalarType type) {
  return torch::stable::new_empty(like, {count}, type);
}

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

// What a walk writes to.
struct WalkTensors {
  Tensor keep, owner, kept;

  WalkTensors(const Tensor& boxes, int64_t count, cudaStream_t stream)
      : keep(new_indices(boxes, &count, 1)),
        owner(new_indices(boxes, &count, 1)),
        kept(new_indices(boxes, nullptr, 0)) {
    check(cudaMemsetAsync(indices(kept), 0, sizeof(int64_t), stream));
  }
  NmsOutput output() const { return {indices(keep), indices(owner), indices(kept)}; }
};

// The boxes sorted by score and, where there are groups, by group; it owns what `sorted` points to.
class Sorting {
 public:
  Sorting(const Tensor& like, const NmsInput& input, const NmsParams& params, int64_t* kept, cudaStream_t stream)
      : Sorting(like, input, keys_of_scores(like, input, params, stream), kept, stream) {}

  Sorting(const Tensor& like, const NmsInput& input, const Tensor& keys, int64_t* kept, cudaStream_t stream)
      : keys_(keys) {
    by_score_ = std::get<1>(sort_ascending(keys_));
    sorted = {indices(*by_score_), nullptr, nullptr, keys_.const_data_ptr()};
    if (!input.groups.data) return;
    const Tensor group = new_tensor(like, input.count, ScalarType::Long);
    group_keys(input, sorted.by_score, indices(group), kept, stream);
    const auto [values, places] = sort_ascending(group);
    groups_ = values;
    by_group_ = select_rows(*by_score_, places);
    sorted.groups = indices(*groups_);
    sorted.by_group = indices(*by_group_);
  }

  // Keys of numbers that are computed with as `type`.
  static Tensor new_keys(const Tensor& like, int64_t count, Type type) {
    return new_tensor(like, count, type == Type::kFloat64 ? ScalarType::Long : ScalarType::Int);
  }

  NmsSorted sorted;

 private:
  static Tensor keys_of_scores(const Tensor& like, const NmsInput& input, const NmsParams& params,
                               cudaStream_t stream) {
    const Tensor keys = new_keys(like, input.count, input.scores.type);
    score_keys(input, params, keys.mutable_data_ptr(), stream);
    return keys;
  }

  Tensor keys_;
  std::optional<Tensor> by_score_, groups_, by_group_;
};

inline Tensor new_scratch(const Tensor& like, size_t bytes) {
  return new_tensor(like, static_cast<int64_t>(bytes), ScalarType::Byte);
}

// The greedy walk over what is sorted; *output.kept is 0 or says that a group is NaN.
inline void walk(const Tensor& like, const NmsInput& input, const NmsParams& params, const Sorting& sorting,
                 const NmsOutput& output, cudaStream_t stream) {
  const Tensor scratch = new_scratch(like, nms_scratch_bytes(input));
  nms(input, params, sorting.sorted, output, scratch.mutable_data_ptr(), stream);
}

// How many indices were kept: the one wait for the device.
inline int64_t count_kept(const Tensor& kept, cudaStream_t stream) {
  int64_t count = 0;
  check(cudaMemcpyAsync(&count, indices(kept), sizeof(count), cudaMemcpyDeviceToHost, stream));
  check(cudaStreamSynchronize(stream));
  check_group_ids(count);
  return count;
}

}  // namespace ptdet::cuda

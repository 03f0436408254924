// One call of an operator on the CPU: as many threads as torch.set_num_threads says, and memory that lives as long as
// the call. cuda_call.h has the same names for CUDA, and the operators are templates over the two.
#pragma once

#include <torch/csrc/stable/library.h>

#include <cstring>

#include "runtime/call_host.h"
#include "torch/arguments.h"

namespace ptdet::cpu {

class Call {
 public:
  explicit Call(const Tensor& first) : first_(first), host_(static_cast<int>(torch::stable::get_num_threads())) {}

  operator const Host&() const { return host_.get(); }
  const Tensor& first() const { return first_; }

  template <typename T>
  T* allocate(int64_t count) const {
    const Host& host = host_.get();
    return static_cast<T*>(host.allocate(host.context, static_cast<size_t>(count) * sizeof(T)));
  }

  void finish() const {}
  void finish(const Tensor& num_kept) const { check_refusal(*indices(num_kept)); }

 private:
  const Tensor& first_;
  CallHost host_;
};

// The result of an operator that returns as many rows as are kept: they are counted before a tensor is made.
class KeptRows {
 public:
  KeptRows(const Call& call, int64_t count, bool with_owner)
      : call_(call),
        boxes_(call.first()),
        room_(count + 1),
        keep_(call.allocate<int64_t>(room_)),
        owner_(with_owner ? call.allocate<int64_t>(room_) : nullptr) {}

  NmsOutput output() { return {keep_, owner_, &num_kept_}; }

  // Room for a box a row.
  void* new_boxes() {
    row_bytes_ = static_cast<size_t>(4 * bytes_of(type_of(boxes_, "boxes")));
    moved_ = call_.allocate<char>(room_ * static_cast<int64_t>(row_bytes_));
    return moved_;
  }

  Tensor keep() const {
    check_refusal(num_kept_);
    const Tensor result = new_indices(boxes_, &num_kept_, 1);
    if (num_kept_) std::memcpy(indices(result), keep_, static_cast<size_t>(num_kept_) * sizeof(int64_t));
    return result;
  }

  Tensor boxes() const {
    const Tensor result = new_rows(boxes_, num_kept_, 4);
    if (num_kept_) std::memcpy(result.mutable_data_ptr(), moved_, static_cast<size_t>(num_kept_) * row_bytes_);
    return result;
  }

 private:
  const Call& call_;
  const Tensor& boxes_;
  int64_t room_, num_kept_ = 0;
  int64_t* keep_;
  int64_t* owner_;
  void* moved_ = nullptr;
  size_t row_bytes_ = 0;
};

inline KeptRows kept_rows(const Call& call, int64_t count, bool with_owner) { return {call, count, with_owner}; }

}  // namespace ptdet::cpu

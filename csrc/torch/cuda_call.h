// One call of an operator on CUDA: the device of its first tensor, and torch's current stream there. cpu_call.h has the
// same names for the CPU. Only files that end in _cuda include this.
#pragma once

#include <cuda_runtime_api.h>
#include <torch/csrc/inductor/aoti_torch/c/shim.h>
#include <torch/csrc/stable/library.h>

#include "torch/arguments.h"

#if !defined(PTDET_CUDA_KEY)  // the tests register these operators for the CPU, over emulated kernels
#define PTDET_CUDA_KEY CUDA
#endif

namespace ptdet::cuda {

inline void check(cudaError_t error) {
  STD_TORCH_CHECK(error == cudaSuccess, "ptdet: CUDA: ", cudaGetErrorString(error));
}

class Call {
 public:
  explicit Call(const Tensor& first) : first_(first), device_(first.get_device_index()) {
    TORCH_ERROR_CODE_CHECK(aoti_torch_create_cuda_guard(device_, &guard_));
    void* stream;
    TORCH_ERROR_CODE_CHECK(aoti_torch_get_current_cuda_stream(device_, &stream));
    stream_ = static_cast<cudaStream_t>(stream);
  }
  ~Call() { aoti_torch_delete_cuda_guard(guard_); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  cudaStream_t stream() const { return stream_; }
  operator void*() const { return stream_; }
  const Tensor& first() const { return first_; }

  // After the last launch. What a kernel says of bad input in num_kept is read by callers that wait for it.
  void finish() const { check(cudaGetLastError()); }
  void finish(const Tensor&) const { finish(); }

  void clear(int64_t* numbers, int64_t count = 1) const {
    check(cudaMemsetAsync(numbers, 0, static_cast<size_t>(count) * sizeof(int64_t), stream_));
  }

  // One number of the device; waits for it.
  int64_t read(const int64_t* number) const {
    int64_t value = 0;
    check(cudaMemcpyAsync(&value, number, sizeof(value), cudaMemcpyDeviceToHost, stream_));
    check(cudaStreamSynchronize(stream_));
    return value;
  }

 private:
  const Tensor& first_;
  int32_t device_;
  CUDAGuardHandle guard_;
  cudaStream_t stream_;
};

inline Tensor new_tensor(const Call& call, int64_t count, ScalarType type) {
  return torch::stable::new_empty(call.first(), {count}, type);
}

class Scratch {
 public:
  Scratch(const Call& call, size_t bytes) : bytes_(new_tensor(call, static_cast<int64_t>(bytes), ScalarType::Byte)) {}
  operator void*() const { return bytes_.mutable_data_ptr(); }

 private:
  Tensor bytes_;
};

// The result of an operator that returns as many rows as are kept: the one wait for the device.
class KeptRows {
 public:
  KeptRows(const Call& call, int64_t count, bool with_owner)
      : call_(call), count_(count), found_(call.first(), count), with_owner_(with_owner) {}

  NmsOutput output() {
    NmsOutput output = found_.output();
    if (!with_owner_) output.owner = nullptr;
    return output;
  }

  void* new_boxes() {
    moved_ = new_rows(call_.first(), count_, 4);
    return moved_->mutable_data_ptr();
  }

  Tensor keep() {
    num_kept_ = call_.read(indices(found_.num_kept));
    check_refusal(num_kept_);
    return first(found_.keep);
  }

  Tensor boxes() { return first(*moved_); }

 private:
  Tensor first(Tensor rows) const { return torch::stable::clone(torch::stable::narrow(rows, 0, 0, num_kept_)); }

  const Call& call_;
  int64_t count_, num_kept_ = 0;
  PassResult found_;
  bool with_owner_;
  std::optional<Tensor> moved_;
};

inline KeptRows kept_rows(const Call& call, int64_t count, bool with_owner) { return {call, count, with_owner}; }

}  // namespace ptdet::cuda

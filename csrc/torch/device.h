// The device and stream a CUDA operator runs on: those of its first tensor, and torch's current one there. Only files
// that end in _cuda include this.
#pragma once

#include <cuda_runtime_api.h>
#include <torch/csrc/inductor/aoti_torch/c/shim.h>
#include <torch/csrc/stable/tensor.h>

namespace ptdet::cuda {

inline void check(cudaError_t error) {
  STD_TORCH_CHECK(error == cudaSuccess, "ptdet: CUDA: ", cudaGetErrorString(error));
}

class OnDeviceOf {
 public:
  explicit OnDeviceOf(const torch::stable::Tensor& tensor) : device_(tensor.get_device_index()) {
    TORCH_ERROR_CODE_CHECK(aoti_torch_create_cuda_guard(device_, &guard_));
  }
  ~OnDeviceOf() { aoti_torch_delete_cuda_guard(guard_); }
  OnDeviceOf(const OnDeviceOf&) = delete;
  OnDeviceOf& operator=(const OnDeviceOf&) = delete;

  cudaStream_t stream() const {
    void* stream;
    TORCH_ERROR_CODE_CHECK(aoti_torch_get_current_cuda_stream(device_, &stream));
    return static_cast<cudaStream_t>(stream);
  }

  // Call it after the last launch.
  static void check_launches() { check(cudaGetLastError()); }

 private:
  int32_t device_;
  CUDAGuardHandle guard_;
};

}  // namespace ptdet::cuda

// The device and stream that torch is on; only files that end in _cuda include this.
#pragma once

#include <cuda_runtime_api.h>
#include <torch/csrc/inductor/aoti_torch/c/shim.h>
#include <torch/csrc/stable/tensor.h>

namespace ptdet::cuda {

class DeviceGuard {
 public:
  explicit DeviceGuard(int32_t device) { TORCH_ERROR_CODE_CHECK(aoti_torch_create_cuda_guard(device, &guard_)); }
  ~DeviceGuard() { aoti_torch_delete_cuda_guard(guard_); }
  DeviceGuard(const DeviceGuard&) = delete;
  DeviceGuard& operator=(const DeviceGuard&) = delete;

 private:
  CUDAGuardHandle guard_;
};

inline cudaStream_t current_stream(int32_t device) {
  void* stream;
  TORCH_ERROR_CODE_CHECK(aoti_torch_get_current_cuda_stream(device, &stream));
  return static_cast<cudaStream_t>(stream);
}

inline void check(cudaError_t error) {
  STD_TORCH_CHECK(error == cudaSuccess, "ptdet: CUDA: ", cudaGetErrorString(error));
}

}  // namespace ptdet::cuda

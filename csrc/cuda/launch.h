// What a .cu file needs from its compiler: nvcc, or g++ with the emulator of tests/cuda_emulator in the include path.
#pragma once

#include <cstdint>

#if defined(__CUDACC__)
#define SHARED_ARRAY(type, name, size) __shared__ type name[size]
// A failed launch is left for cudaGetLastError in the torch room, which can say so.
#define LAUNCH(kernel, blocks, threads, stream, ...)                                                                 \
  (kernel)<<<static_cast<unsigned>(blocks), static_cast<unsigned>(threads), 0, static_cast<cudaStream_t>(stream)>>>( \
      __VA_ARGS__)
#else
#include "cuda_on_cpu.h"
#endif

namespace ptdet::cuda {

constexpr int kWarp = 32;
constexpr uint32_t kAllLanes = 0xffffffffu;
constexpr int kBlock = 256;  // threads of a kernel that takes one number a thread

inline int64_t blocks_for(int64_t items, int64_t per_block) { return (items + per_block - 1) / per_block; }

__device__ inline int64_t thread_in_grid() { return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; }

// Adds and maxima of counters: which thread comes first does not show in them.
using Counter = unsigned long long;

}  // namespace ptdet::cuda

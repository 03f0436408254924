// What one block tells others of its launch. A block may wait only for blocks with a lower ticket: whoever drew one is
// running, so the lowest of those that run waits for nobody, and no order or number of resident blocks can end in a
// deadlock. No cooperative launch is needed.
#pragma once

#include "cuda/launch.h"

namespace ptdet::cuda {

// 0, 1, 2, ... in the order in which blocks begin. All threads call it; `ticket` is shared memory of its own.
__device__ inline int64_t draw_ticket(Counter* tickets, Counter* ticket) {
  if (threadIdx.x == 0) *ticket = atomicAdd(tickets, Counter(1));
  __syncthreads();
  return static_cast<int64_t>(*ticket);
}

// One thread publishes for its block, after a barrier. The thread that polls the new value, and all threads of its
// block after a barrier, see what the publishing block wrote before.
__device__ inline void publish(Counter* at, Counter value) {
#if defined(__CUDACC__)
  asm volatile("st.release.gpu.global.u64 [%0], %1;" ::"l"(at), "l"(value) : "memory");
#else
  cuda_on_cpu::publish(at, value);
#endif
}

__device__ inline Counter poll(const Counter* at) {
#if defined(__CUDACC__)
  Counter value;
  asm volatile("ld.acquire.gpu.global.u64 %0, [%1];" : "=l"(value) : "l"(at) : "memory");
  return value;
#else
  return cuda_on_cpu::poll(at);
#endif
}

// Between two polls: leaves the memory to blocks at work.
__device__ inline void pause() {
#if defined(__CUDACC__)
  __nanosleep(100);
#else
  cuda_on_cpu::pause(CUDA_ON_CPU_HERE);
#endif
}

}  // namespace ptdet::cuda

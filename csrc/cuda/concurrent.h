// Numbers that threads of several blocks read and write at a time, whoever comes first. inter_block_sync.h has those of
// which only one block writes.
#pragma once

#include "cuda/launch.h"

namespace ptdet::cuda {

// They order nothing but themselves.
__device__ inline int64_t load_relaxed(const int64_t* at) {
#if defined(__CUDACC__)
  int64_t value;
  asm volatile("ld.relaxed.gpu.global.s64 %0, [%1];" : "=l"(value) : "l"(at) : "memory");
  return value;
#else
  return cuda_on_cpu::load_relaxed(at);
#endif
}

__device__ inline void store_relaxed(int64_t* at, int64_t value) {
#if defined(__CUDACC__)
  asm volatile("st.relaxed.gpu.global.s64 [%0], %1;" ::"l"(at), "l"(value) : "memory");
#else
  cuda_on_cpu::store_relaxed(at, value);
#endif
}

__device__ inline Counter load_relaxed(const Counter* at) {
  return static_cast<Counter>(load_relaxed(reinterpret_cast<const int64_t*>(at)));
}

// Returns what was there. The thread, and all threads of its block after a barrier, see what a block wrote before it
// published that or a number that became that by additions.
__device__ inline Counter add_acquire(Counter* at, Counter value) {
#if defined(__CUDACC__)
  Counter old;
  asm volatile("atom.acquire.gpu.global.add.u64 %0, [%1], %2;" : "=l"(old) : "l"(at), "l"(value) : "memory");
  return old;
#else
  return cuda_on_cpu::add_acquire(at, value);
#endif
}

// After a barrier, for all threads of the block: whoever polls the sum sees what they wrote before.
__device__ inline void add_release(Counter* at, Counter value) {
#if defined(__CUDACC__)
  asm volatile("red.release.gpu.global.add.u64 [%0], %1;" ::"l"(at), "l"(value) : "memory");
#else
  cuda_on_cpu::add_release(at, value);
#endif
}

}  // namespace ptdet::cuda

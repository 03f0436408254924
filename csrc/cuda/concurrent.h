// Numbers that threads of several blocks read and write at a time, in any order. inter_block_sync.h has those that only
// one block writes.
#pragma once

#include "cuda/launch.h"

namespace ptdet::cuda {

// They order nothing but themselves: who loads one may rely on nothing else that was written. Of 4 or 8 bytes.
template <typename Number>
__device__ Number load_relaxed(const Number* at) {
#if defined(__CUDACC__)
  Number value;
  if constexpr (sizeof(Number) == 8)
    asm volatile("ld.relaxed.gpu.global.u64 %0, [%1];" : "=l"(value) : "l"(at) : "memory");
  else
    asm volatile("ld.relaxed.gpu.global.u32 %0, [%1];" : "=r"(value) : "l"(at) : "memory");
  return value;
#else
  return cuda_on_cpu::load_relaxed(at);
#endif
}

template <typename Number>
__device__ void store_relaxed(Number* at, Number value) {
#if defined(__CUDACC__)
  if constexpr (sizeof(Number) == 8)
    asm volatile("st.relaxed.gpu.global.u64 [%0], %1;" ::"l"(at), "l"(value) : "memory");
  else
    asm volatile("st.relaxed.gpu.global.u32 [%0], %1;" ::"l"(at), "r"(value) : "memory");
#else
  cuda_on_cpu::store_relaxed(at, value);
#endif
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

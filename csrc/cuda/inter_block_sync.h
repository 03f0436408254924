// What one block tells others of its launch. A block may wait only for blocks with a lower ticket: whoever drew one is
// running, so the lowest of those that run waits for nobody, and no order or number of resident blocks can end in a
// deadlock. No cooperative launch is needed.
#pragma once

#include "cuda/concurrent.h"

namespace ptdet::cuda {

// 0, 1, 2, ... in the order in which blocks begin. All threads call it; `ticket` is shared memory of its own.
__device__ inline int64_t draw_ticket(Counter* tickets, Counter* ticket) {
  if (threadIdx.x == 0) *ticket = atomicAdd(tickets, Counter(1));
  __syncthreads();
  return static_cast<int64_t>(*ticket);
}

// One thread publishes for its block, after a barrier. The thread that acquires the new value, and all threads of its
// block after a barrier, see what the publishing block wrote before.
__device__ inline void publish(Counter* at, Counter value) {
#if defined(__CUDACC__)
  asm volatile("st.release.gpu.global.u64 [%0], %1;" ::"l"(at), "l"(value) : "memory");
#else
  cuda_on_cpu::publish(at, value);
#endif
}

// Gives up what the first cache of the multiprocessor holds, for all its blocks.
__device__ inline Counter acquire(const Counter* at) {
#if defined(__CUDACC__)
  Counter value;
  asm volatile("ld.acquire.gpu.global.u64 %0, [%1];" : "=l"(value) : "l"(at) : "memory");
  return value;
#else
  return cuda_on_cpu::acquire_from(at);
#endif
}

// Between two looks: leaves the memory to blocks at work.
__device__ inline void pause(unsigned nanoseconds) {
#if defined(__CUDACC__)
  __nanosleep(nanoseconds);
#else
  static_cast<void>(nanoseconds);
  cuda_on_cpu::pause(CUDA_ON_CPU_HERE);
#endif
}

// Waits until distance(value) is 0: how many messages from one block to the next are still to come, at least. Who is
// far looks seldom. Only the last look is an acquire, so who waits empties no cache; the value may rise in between,
// and may not come to be further off.
template <typename Distance>
__device__ Counter wait_for(const Counter* at, Distance&& distance) {
  constexpr int64_t kLongest = 16;
  for (;;) {
    const int64_t left = distance(load_relaxed(at));
    if (left == 0) return acquire(at);
    pause(static_cast<unsigned>(100 * (left < kLongest ? left : kLongest)));
  }
}

}  // namespace ptdet::cuda

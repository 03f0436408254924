// A .cu file as C++: the part of CUDA that csrc/cuda uses, one fibre per CUDA thread. Blocks and threads run in an
// order drawn from PTDET_EMULATION_SEED. Stricter than a GPU on purpose: every thread of a block must reach a barrier,
// from one line of source, and a vote or shuffle orders no memory (the CUDA guide promises none).
// Several blocks are resident at once, as many as the seed says, often one alone: who waits for a block that has yet to
// start is told so. Not modelled: weak memory order beyond what ThreadSanitizer sees of it, grids of more dimensions.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)

namespace cuda_on_cpu {

struct Index {
  unsigned x, y, z;
};

enum class Op { kSync, kBallot, kShuffle };
struct Place {
  const char* file;
  int line;
};

// Runs all blocks, then returns: a launch here also waits for itself.
void launch(const char* name, unsigned blocks, unsigned threads, void (*body)(void*), void* context);
// Returns how many threads of the block passed true.
int barrier(Place place, bool predicate);
// kShuffle: the value of lane `source`; kBallot: the lanes whose value is not 0.
uint64_t warp(Place place, Op op, unsigned mask, uint64_t value, int source);
// A block's array, the same for each of its threads: its own piece of the heap, so that AddressSanitizer sees its ends.
void* shared_array(const void* declaration, size_t bytes);

// Lets others run: between two looks at what another block may publish.
void pause(Place place);
// Now and then lets others do much: a thread may be held up between a look and what it does about it.
void hold_up();

// By which blocks tell each other (csrc/cuda/inter_block_sync.h).
template <typename T>
void publish(T* at, T value) {
  __atomic_store_n(at, value, __ATOMIC_RELEASE);
}
template <typename T>
T acquire_from(const T* at) {
  return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}
// Of a number that others write at the time (csrc/cuda/concurrent.h).
template <typename T>
T load_relaxed(const T* at) {
  return __atomic_load_n(at, __ATOMIC_RELAXED);
}
template <typename T>
void store_relaxed(T* at, T value) {
  hold_up();
  __atomic_store_n(at, value, __ATOMIC_RELAXED);
}
template <typename T>
T add_acquire(T* at, T value) {
  hold_up();
  return __atomic_fetch_add(at, value, __ATOMIC_ACQUIRE);
}
template <typename T>
void add_release(T* at, T value) {
  hold_up();
  __atomic_fetch_add(at, value, __ATOMIC_RELEASE);
}

template <typename Body>
void launch(const char* name, unsigned blocks, unsigned threads, Body body) {
  launch(name, blocks, threads, [](void* context) { (*static_cast<Body*>(context))(); }, &body);
}

template <typename T>
T shuffle(Place place, unsigned mask, T value, int source) {
  static_assert(sizeof(T) <= 8 && std::is_trivially_copyable<T>::value, "");
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = warp(place, Op::kShuffle, mask, bits, source);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}

template <typename T, typename F>
T update(T* at, F&& next) {  // relaxed: an atomic orders nothing but itself
  T old = __atomic_load_n(at, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n(at, &old, next(old), true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
  return old;
}

}  // namespace cuda_on_cpu

extern cuda_on_cpu::Index threadIdx, blockIdx, blockDim, gridDim;  // of the fibre that runs

#define CUDA_ON_CPU_HERE (::cuda_on_cpu::Place{__FILE__, __LINE__})

#define SHARED_ARRAY(type, name, size)                                                            \
  static_assert(std::is_trivially_destructible<type>::value, "shared memory runs no destructor"); \
  static const char name##_declaration = 0;                                                       \
  type* const name = static_cast<type*>(::cuda_on_cpu::shared_array(&name##_declaration, sizeof(type) * (size)))

#define LAUNCH(kernel, blocks, threads, stream, ...)                                        \
  (static_cast<void>(stream), ::cuda_on_cpu::launch(#kernel, static_cast<unsigned>(blocks), \
                                                    static_cast<unsigned>(threads), [=] { (kernel)(__VA_ARGS__); }))

#define __syncthreads() static_cast<void>(::cuda_on_cpu::barrier(CUDA_ON_CPU_HERE, false))
#define __syncthreads_or(p) (::cuda_on_cpu::barrier(CUDA_ON_CPU_HERE, (p) != 0) != 0)
#define __syncthreads_count(p) (::cuda_on_cpu::barrier(CUDA_ON_CPU_HERE, (p) != 0))
#define __syncwarp(mask) \
  static_cast<void>(::cuda_on_cpu::warp(CUDA_ON_CPU_HERE, ::cuda_on_cpu::Op::kSync, (mask), 0, 0))
#define __ballot_sync(mask, p) \
  static_cast<unsigned>(::cuda_on_cpu::warp(CUDA_ON_CPU_HERE, ::cuda_on_cpu::Op::kBallot, (mask), (p) != 0, 0))
#define __any_sync(mask, p) (__ballot_sync(mask, p) != 0)
#define __all_sync(mask, p) (__ballot_sync(mask, p) == (mask))
#define __shfl_sync(mask, value, source) ::cuda_on_cpu::shuffle(CUDA_ON_CPU_HERE, (mask), (value), (source))

inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(static_cast<unsigned>(x)); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }

template <typename T>
T atomicAdd(T* at, T value) {
  return cuda_on_cpu::update(at, [=](T old) { return static_cast<T>(old + value); });
}
template <typename T>
T atomicMin(T* at, T value) {
  return cuda_on_cpu::update(at, [=](T old) { return value < old ? value : old; });
}
template <typename T>
T atomicMax(T* at, T value) {
  return cuda_on_cpu::update(at, [=](T old) { return value > old ? value : old; });
}
template <typename T>
T atomicOr(T* at, T value) {
  return cuda_on_cpu::update(at, [=](T old) { return static_cast<T>(old | value); });
}
template <typename T>
T atomicCAS(T* at, T expected, T value) {
  return cuda_on_cpu::update(at, [=](T old) { return old == expected ? value : old; });
}

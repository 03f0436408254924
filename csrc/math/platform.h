// What the maths needs from the compiler, for host and device alike.
#pragma once

#include <cmath>
#include <cstdint>
#include <type_traits>

#if defined(__CUDACC__)
#define PTDET_HD __host__ __device__ __forceinline__
#elif defined(__wasm__)
#define PTDET_HD inline  // one instruction set, and every byte is loaded by a page: the compiler chooses
#else
#define PTDET_HD inline __attribute__((always_inline))  // no copy compiled for AVX may serve the baseline
#endif

// A function that is seldom called: its code stays out of the way of what is called often. On a GPU, where a call would
// put what it changes into memory, it is inlined.
#if defined(__CUDACC__)
#define PTDET_RARE PTDET_HD
#else
#define PTDET_RARE __attribute__((noinline))
#endif

// Before a loop that is short or rare: its code four times over would help nobody. The pragma is of device code.
#if defined(__CUDA_ARCH__)
#define PTDET_ROLLED _Pragma("unroll 1")
#else
#define PTDET_ROLLED
#endif

// Up to 16 bytes of numbers, read and written at a time.
#pragma once

#include "cuda/launch.h"

namespace ptdet::cuda {

template <typename Stored>
constexpr int kPerLoad = 16 / static_cast<int>(sizeof(Stored));

// Aligned, so that it is read and written by one instruction.
template <typename Stored, int kWide>
struct alignas(sizeof(Stored) * kWide) WideNumbers {
  Stored number[kWide];
};

template <int kWide, typename Stored>
__device__ inline WideNumbers<Stored, kWide> load_wide(const Stored* from) {
  return *reinterpret_cast<const WideNumbers<Stored, kWide>*>(from);
}
template <int kWide, typename Stored>
__device__ inline void store_wide(const WideNumbers<Stored, kWide>& numbers, Stored* to) {
  *reinterpret_cast<WideNumbers<Stored, kWide>*>(to) = numbers;
}

}  // namespace ptdet::cuda

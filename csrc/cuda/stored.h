// Numbers as they lie in memory, as types; and 16 bytes of them at a time.
#pragma once

#include <type_traits>

#include "math/channel_norm.h"
#include "math/half.h"
#include "math/half_store.h"
#include "cuda/launch.h"
#include "api/api.h"

namespace ptdet::cuda {

__device__ inline double widened(double x) { return x; }
__device__ inline float widened(float x) { return x; }
__device__ inline float widened(Float16 x) { return half_to_float(x.bits); }
__device__ inline float widened(BFloat16 x) { return bfloat16_to_float(x.bits); }

template <typename T>
__device__ inline void narrow(T value, double& to) {
  to = static_cast<double>(value);
}
template <typename T>
__device__ inline void narrow(T value, float& to) {
  to = static_cast<float>(value);
}
template <typename T>
__device__ inline void narrow(T value, Float16& to) {
  to.bits = float_to_half(static_cast<float>(value));
}
template <typename T>
__device__ inline void narrow(T value, BFloat16& to) {
  to.bits = float_to_bfloat16(static_cast<float>(value));
}

template <typename Stored>
constexpr int kPerLoad = 16 / static_cast<int>(sizeof(Stored));

// Aligned, so that it is read and written by one instruction.
template <typename Stored, int kWide>
struct alignas(sizeof(Stored) * kWide) Pack {
  Stored number[kWide];
};

template <int kWide, typename Stored>
__device__ inline Pack<Stored, kWide> load_pack(const Stored* from) {
  return *reinterpret_cast<const Pack<Stored, kWide>*>(from);
}
template <int kWide, typename Stored>
__device__ inline void store_pack(const Pack<Stored, kWide>& pack, Stored* to) {
  *reinterpret_cast<Pack<Stored, kWide>*>(to) = pack;
}

// Calls f(a number of the stored type, one of the type to compute in).
template <typename F>
void with_stored(Type type, F&& f) {
  if (type == Type::kFloat64) return f(double{}, double{});
  if (type == Type::kFloat32) return f(float{}, float{});
  if (type == Type::kFloat16) return f(Float16{}, float{});
  return f(BFloat16{}, float{});
}

}  // namespace ptdet::cuda

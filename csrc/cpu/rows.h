// A run's numbers as rows of a type to compute in: one row of pixels a channel, where they lie if they lie so, else in
// a buffer. Included by channel_norm.inc only, inside one namespace per instruction set.

#include "cpu/simd/vector.h"

using Floats = Vector<float>::type;
using Doubles = Vector<double>::type;
using Words = Vector<uint32_t>::type;
using Halves = Vector<uint16_t, kVectorBytes / 2>::type;
constexpr int kHalves = kVectorBytes / 4;

inline Words bits_of_floats(Floats x) { return reinterpret_cast<Words>(x); }
inline Floats floats_of_bits(Words x) { return reinterpret_cast<Floats>(x); }

// The functions of math/half.h and math/half_store.h by selections.
inline Floats widened(Words bits, Float16) {
  const Words magnitude = bits & 0x7fffu;
  const auto number = __builtin_convertvector(reinterpret_cast<Vector<int32_t>::type>(magnitude), Floats);
  const Words subnormal = bits_of_floats(number * 5.9604644775390625e-8f);
  const Words rebased = (magnitude << 13) + (magnitude >= 0x7c00u ? Words{} + (224u << 23) : Words{} + (112u << 23));
  return floats_of_bits((magnitude < 0x400u ? subnormal : rebased) | (bits & 0x8000u) << 16);
}
inline Floats widened(Words bits, BFloat16) { return floats_of_bits(bits << 16); }

inline Words narrowed(Floats x, BFloat16) {
  const Words bits = bits_of_floats(x);
  const Words rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
  return (bits & 0x7fffffffu) > 0x7f800000u ? Words{} + 0x7fc0u : rounded;
}
inline Words narrowed(Floats x, Float16) {
  const Words bits = bits_of_floats(x), magnitude = bits & 0x7fffffffu;
  const Words subnormal = bits_of_floats(floats_of_bits(magnitude) + 0.5f) - 0x3f000000u;
  const Words rebased = magnitude - (112u << 23);
  const Words normal = (rebased + 0xfffu + (rebased >> 13 & 1u)) >> 13;
  const Words finite = magnitude < 0x38800000u ? subnormal : normal;
  const Words number = magnitude >= 0x47800000u ? Words{} + 0x7c00u : finite;
  return (bits >> 16 & 0x8000u) | (magnitude > 0x7f800000u ? Words{} + 0x7e00u : number);
}

template <typename Stored, typename T>
inline void widen(const Stored* from, int64_t count, T* to) {
  if constexpr (sizeof(Stored) >= 4) {
    for (int64_t i = 0; i < count; ++i) to[i] = static_cast<T>(from[i]);
  } else {
    for (int64_t i = 0; i < count; i += kHalves) {
      const int64_t some = count - i < kHalves ? count - i : kHalves;
      Halves halves{};
      if (some == kHalves)
        __builtin_memcpy(&halves, from + i, sizeof(halves));
      else
        __builtin_memcpy(&halves, from + i, static_cast<size_t>(some) * sizeof(Stored));
      const Floats wide = widened(__builtin_convertvector(halves, Words), Stored{});
      if (some == kHalves && sizeof(T) == sizeof(float))
        __builtin_memcpy(to + i, &wide, sizeof(wide));
      else
        for (int64_t k = 0; k < some; ++k) to[i + k] = static_cast<T>(wide[k]);
    }
  }
}

template <typename Stored, typename T>
inline void narrow(const T* from, int64_t count, Stored* to) {
  if constexpr (sizeof(Stored) >= 4) {
    for (int64_t i = 0; i < count; ++i) to[i] = static_cast<Stored>(from[i]);
  } else {
    for (int64_t i = 0; i < count; i += kHalves) {
      const int64_t some = count - i < kHalves ? count - i : kHalves;
      Floats wide{};
      if (some == kHalves && sizeof(T) == sizeof(float))
        __builtin_memcpy(&wide, from + i, sizeof(wide));
      else
        for (int64_t k = 0; k < some; ++k) wide[k] = static_cast<float>(from[i + k]);
      const Halves halves = __builtin_convertvector(narrowed(wide, Stored{}), Halves);
      if (some == kHalves)
        __builtin_memcpy(to + i, &halves, sizeof(halves));
      else
        __builtin_memcpy(to + i, &halves, static_cast<size_t>(some) * sizeof(Stored));
    }
  }
}

// Numbers `stride` apart, side by side in `buffer`; the numbers themselves if they lie so already.
template <typename T, typename Stored>
inline const T* gather(const Stored* from, int64_t stride, int64_t count, T* buffer) {
  if (stride == 1) {
    if constexpr (sizeof(T) == sizeof(Stored)) return from;
    widen(from, count, buffer);
    return buffer;
  }
  if constexpr (sizeof(Stored) >= 4) {
    for (int64_t i = 0; i < count; ++i) buffer[i] = static_cast<T>(from[i * stride]);
  } else {
    Stored together[kMostPixels];
    for (int64_t i = 0; i < count; ++i) together[i] = from[i * stride];
    widen(together, count, buffer);
  }
  return buffer;
}

// Where to compute numbers that go `stride` apart; `scatter` brings them there if that is the buffer.
template <typename T, typename Stored>
inline T* place_for(Stored* to, int64_t stride, T* buffer) {
  if constexpr (sizeof(T) == sizeof(Stored))
    if (stride == 1) return to;
  return buffer;
}

template <typename T, typename Stored>
inline void scatter(const T* row, int64_t stride, int64_t count, Stored* to) {
  if constexpr (sizeof(T) == sizeof(Stored))
    if (stride == 1) return;
  if (stride == 1) return narrow(row, count, to);
  Stored together[kMostPixels];
  narrow(row, count, together);
  for (int64_t i = 0; i < count; ++i) to[i * stride] = together[i];
}

template <typename Stored>
inline Stored* channel_of(const RunArray& array, int64_t channel) {
  return static_cast<Stored*>(array.data) + channel * array.channel_stride;
}

template <typename T, typename Stored>
inline const T* row_of(const RunArray& array, int64_t channel, int64_t count, T* buffer) {
  return gather<T>(channel_of<const Stored>(array, channel), array.pixel_stride, count, buffer);
}

// A run's numbers as rows of a type to compute in: one row of pixels a channel, where they lie if they lie so, else in
// a buffer. Included by channel_norm.inc only, inside one namespace per instruction set.

struct Float16 {
  uint16_t bits;
};
struct BFloat16 {
  uint16_t bits;
};

template <typename T>
inline T read(float x) {
  return static_cast<T>(x);
}
template <typename T>
inline T read(double x) {
  return static_cast<T>(x);
}
template <typename T>
inline T read(BFloat16 x) {
  return static_cast<T>(bfloat16_to_float(x.bits));
}
// half_to_float of core by selections, which a compiler makes vectors of.
template <typename T>
inline T read(Float16 x) {
  const uint32_t magnitude = x.bits & 0x7fffu;
  const uint32_t small =
      bits_of<uint32_t>(static_cast<float>(static_cast<int32_t>(magnitude)) * 5.9604644775390625e-8f);
  const uint32_t other = (magnitude << 13) + (magnitude >= 0x7c00u ? 224u << 23 : 112u << 23);
  const uint32_t number = magnitude < 0x400u ? small : other;
  return static_cast<T>(bits_of<float>(number | static_cast<uint32_t>(x.bits & 0x8000u) << 16));
}

template <typename T>
inline void write(T value, float& at) {
  at = static_cast<float>(value);
}
template <typename T>
inline void write(T value, double& at) {
  at = static_cast<double>(value);
}
template <typename T>
inline void write(T value, Float16& at) {
  at.bits = float_to_half(static_cast<float>(value));
}
template <typename T>
inline void write(T value, BFloat16& at) {
  at.bits = float_to_bfloat16(static_cast<float>(value));
}

template <typename Stored>
struct RangeOf : Range<Stored> {};
template <>
struct RangeOf<Float16> {
  static constexpr float kSmallest = 6.103515625e-05f, kLargest = 65504.0f;
};
template <>
struct RangeOf<BFloat16> {
  static constexpr float kSmallest = FLT_MIN, kLargest = 3.3895313892515355e38f;
};

// The pixels' numbers of one channel; `buffer` holds them unless they lie side by side in type T.
template <typename T, typename Stored>
inline const T* row_of(const RunArray& array, int64_t channel, int64_t count, T* buffer) {
  const Stored* from = static_cast<const Stored*>(array.data) + channel * array.channel_stride;
  if (array.pixel_stride == 1) {
    if constexpr (sizeof(T) == sizeof(Stored)) return from;
    for (int64_t i = 0; i < count; ++i) buffer[i] = read<T>(from[i]);
  } else {
    for (int64_t i = 0; i < count; ++i) buffer[i] = read<T>(from[i * array.pixel_stride]);
  }
  return buffer;
}

// Where to write the numbers of one channel; write_row brings them home if that is the buffer.
template <typename T, typename Stored>
inline T* row_to_write(const RunArray& array, int64_t channel, T* buffer) {
  if constexpr (sizeof(T) == sizeof(Stored))
    if (array.pixel_stride == 1) return static_cast<T*>(array.data) + channel * array.channel_stride;
  return buffer;
}

template <typename T, typename Stored>
inline void write_row(const RunArray& array, int64_t channel, int64_t count, const T* row, const T* buffer) {
  if (row != buffer) return;
  Stored* to = static_cast<Stored*>(array.data) + channel * array.channel_stride;
  if (array.pixel_stride == 1)
    for (int64_t i = 0; i < count; ++i) write(row[i], to[i]);
  else
    for (int64_t i = 0; i < count; ++i) write(row[i], to[i * array.pixel_stride]);
}

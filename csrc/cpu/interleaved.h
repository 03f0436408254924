// Pixels whose channels lie side by side (channels_last, or no spatial dimension): the loop over channels is the inner
// one. Included by channel_norm.inc only, inside one namespace per instruction set.

constexpr int64_t kManyChannels = 8;  // from here on a pixel fills registers by itself

inline bool is_interleaved(const RunArray& array, int64_t channels) {
  if (array.channel_stride != 1) return false;
  return channels >= kManyChannels || (channels >= 2 && channels <= 4 && array.pixel_stride == channels);
}

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif

// GCC's vector extension: arithmetic, comparison and selection as of a number.
template <typename T, int bytes = kVectorBytes>
struct Vector {
  typedef T type __attribute__((vector_size(bytes)));
};
using Floats = Vector<float>::type;
using Doubles = Vector<double>::type;

inline Floats magnitude(Floats x) {
  return reinterpret_cast<Floats>(reinterpret_cast<Vector<uint32_t>::type>(x) & 0x7fffffffu);
}
inline Doubles magnitude(Doubles x) {
  return reinterpret_cast<Doubles>(reinterpret_cast<Vector<uint64_t>::type>(x) & 0x7fffffffffffffffull);
}

// [docs: interleaved]
template <template <typename> class Degree, typename T, int bytes>
inline T across(const typename Vector<T, bytes>::type& lanes) {
  if constexpr (bytes == sizeof(T)) {
    return lanes[0];
  } else {
    typename Vector<T, bytes / 2>::type low, high;
    __builtin_memcpy(&low, &lanes, bytes / 2);
    __builtin_memcpy(&high, reinterpret_cast<const char*>(&lanes) + bytes / 2, bytes / 2);
    return across<Degree, T, bytes / 2>(Degree<decltype(low)>().join(low, high));
  }
}

template <typename Stored, template <typename> class Degree, typename T>
T sum_pixel(const Stored* x, int64_t channels) {
  using Lanes = typename Vector<T>::type;
  constexpr int kWidth = kVectorBytes / static_cast<int>(sizeof(T));
  const Degree<Lanes> degree;
  const auto load = [](const Stored* from, int64_t count) {
    alignas(kVectorBytes) T numbers[kWidth] = {};
    for (int64_t i = 0; i < count; ++i) numbers[i] = read<T>(from[i]);
    Lanes lanes;
    __builtin_memcpy(&lanes, numbers, sizeof(lanes));
    return magnitude(lanes);
  };
  Lanes even{}, odd{};
  int64_t c = 0;
  for (; c + 2 * kWidth <= channels; c += 2 * kWidth) {
    even = degree.add(even, load(x + c, kWidth));
    odd = degree.add(odd, load(x + c + kWidth, kWidth));
  }
  if (c + kWidth <= channels) {
    even = degree.add(even, load(x + c, kWidth));
    c += kWidth;
  }
  if (c < channels) odd = degree.add(odd, load(x + c, channels - c));
  return across<Degree, T, kVectorBytes>(degree.join(even, odd));
}
// [docs: end]

template <int kChannels, typename Stored, typename Degree, typename T>
void sum_few(const Stored* __restrict__ x, int64_t count, const Degree& degree, T* __restrict__ sums) {
  for (int64_t i = 0; i < count; ++i) {
    T sum = T(0);
    for (int c = 0; c < kChannels; ++c) sum = degree.add(sum, absolute(read<T>(x[kChannels * i + c])));
    sums[i] = sum;
  }
}

// False if the run's channels do not lie side by side.
template <typename Stored, template <typename> class Degree, typename T>
bool sum_interleaved(const PixelRun& run, const Degree<T>& degree, T* sums) {
  if (!is_interleaved(run.input, run.channels)) return false;
  const Stored* x = static_cast<const Stored*>(run.input.data);
  if (run.channels == 2) return sum_few<2>(x, run.count, degree, sums), true;
  if (run.channels == 3) return sum_few<3>(x, run.count, degree, sums), true;
  if (run.channels == 4) return sum_few<4>(x, run.count, degree, sums), true;
  for (int64_t i = 0; i < run.count; ++i)
    sums[i] = sum_pixel<Stored, Degree, T>(x + i * run.input.pixel_stride, run.channels);
  return true;
}

template <typename Stored>
bool sum_interleaved(const PixelRun&, const AnyDegree<double>&, double*) {
  return false;  // pow takes one number at a time
}

template <typename T, int kChannels, typename Stored, typename Slope>
void slopes_of_few(const Stored* __restrict__ x, Stored* __restrict__ to, int64_t count, const Slope& slope) {
  for (int64_t i = 0; i < count; ++i)
    for (int c = 0; c < kChannels; ++c) write(slope(read<T>(x[kChannels * i + c]), i), to[kChannels * i + c]);
}

template <typename Stored, typename T, typename Slope>
bool write_interleaved(const PixelRun& run, const Slope& slope) {
  if (!is_interleaved(run.input, run.channels) || !is_interleaved(run.slope, run.channels)) return false;
  const Stored* x = static_cast<const Stored*>(run.input.data);
  Stored* to = static_cast<Stored*>(run.slope.data);
  if (run.channels == 2) return slopes_of_few<T, 2>(x, to, run.count, slope), true;
  if (run.channels == 3) return slopes_of_few<T, 3>(x, to, run.count, slope), true;
  if (run.channels == 4) return slopes_of_few<T, 4>(x, to, run.count, slope), true;
  for (int64_t i = 0; i < run.count; ++i) {
    const Stored* __restrict__ from = x + i * run.input.pixel_stride;
    Stored* __restrict__ into = to + i * run.slope.pixel_stride;
    for (int64_t c = 0; c < run.channels; ++c) write(slope(read<T>(from[c]), i), into[c]);
  }
  return true;
}

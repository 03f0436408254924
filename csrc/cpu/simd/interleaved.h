// Pixels whose channels lie side by side (channels_last, or no spatial dimension): the loop over channels is the inner
// one. Included by channel_norm.inc only, inside one namespace per instruction set.

constexpr int64_t kManyChannels = 8;  // from here on a pixel fills registers by itself

inline bool is_interleaved(const RunArray& array, int64_t channels) {
  if (array.channel_stride != 1) return false;
  return channels >= kManyChannels || (channels >= 2 && channels <= 4 && array.pixel_stride == channels);
}

inline Floats magnitude(Floats x) { return floats_of_bits(bits_of_floats(x) & 0x7fffffffu); }
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

template <template <typename> class Degree, typename T>
inline T sum_pixel(const T* x, int64_t channels) {
  using Lanes = typename Vector<T>::type;
  constexpr int kWidth = kVectorBytes / static_cast<int>(sizeof(T));
  const Degree<Lanes> degree;
  const auto load = [](const T* from, size_t count) {
    Lanes lanes{};
    __builtin_memcpy(&lanes, from, count * sizeof(T));
    return magnitude(lanes);
  };
  Lanes even{}, odd{};
  int64_t c = 0;
  for (; c + 2 * kWidth <= channels; c += 2 * kWidth) {
    even = degree.add(even, load(x + c, kWidth));
    odd = degree.add(odd, load(x + c + kWidth, kWidth));
  }
  for (; c < channels; c += kWidth) even = degree.add(even, load(x + c, channels - c < kWidth ? channels - c : kWidth));
  return across<Degree, T, kVectorBytes>(degree.join(even, odd));
}
// [docs: end]

template <int kChannels, typename Degree, typename T>
void sum_few(const T* __restrict__ x, int64_t count, const Degree& degree, T* __restrict__ sums) {
  for (int64_t i = 0; i < count; ++i) {
    T sum = T(0);
    for (int c = 0; c < kChannels; ++c) sum = degree.add(sum, absolute(x[kChannels * i + c]));
    sums[i] = sum;
  }
}

// False if the run's channels do not lie side by side.
template <typename Stored, template <typename> class Degree, typename T>
bool sum_interleaved(const PixelRun& run, const Degree<T>& degree, T* sums) {
  if (!is_interleaved(run.input, run.channels)) return false;
  alignas(64) T buffer[4 * kMostPixels];
  const Stored* from = channel_of<const Stored>(run.input, 0);
  if (run.channels <= 4) {
    const T* x = gather<T>(from, 1, run.channels * run.count, buffer);
    if (run.channels == 2) sum_few<2>(x, run.count, degree, sums);
    if (run.channels == 3) sum_few<3>(x, run.count, degree, sums);
    if (run.channels == 4) sum_few<4>(x, run.count, degree, sums);
    return true;
  }
  for (int64_t i = 0; i < run.count; ++i, from += run.input.pixel_stride) {
    T sum = T(0);
    for (int64_t c = 0; c < run.channels; c += kMostPixels) {
      const int64_t some = run.channels - c < kMostPixels ? run.channels - c : kMostPixels;
      sum = degree.join(sum, sum_pixel<Degree>(gather<T>(from + c, 1, some, buffer), some));
    }
    sums[i] = sum;
  }
  return true;
}

template <typename Stored>
bool sum_interleaved(const PixelRun&, const AnyDegree<double>&, double*) {
  return false;  // pow takes one number at a time
}

template <int kChannels, typename T, typename Slope>
void slopes_of_few(const T* __restrict__ x, T* __restrict__ to, int64_t count, const Slope& slope) {
  for (int64_t i = 0; i < count; ++i)
    for (int c = 0; c < kChannels; ++c) to[kChannels * i + c] = slope(x[kChannels * i + c], i);
}

template <typename T, typename Slope>
void slopes_of_pixel(const T* __restrict__ x, T* __restrict__ to, int64_t channels, int64_t i, const Slope& slope) {
  for (int64_t c = 0; c < channels; ++c) to[c] = slope(x[c], i);
}

template <typename Stored, typename T, typename Slope>
bool write_interleaved(const PixelRun& run, const Slope& slope) {
  if (!is_interleaved(run.input, run.channels) || !is_interleaved(run.slope, run.channels)) return false;
  alignas(64) T buffer[4 * kMostPixels], result[4 * kMostPixels];
  const Stored* from = channel_of<const Stored>(run.input, 0);
  Stored* into = channel_of<Stored>(run.slope, 0);
  if (run.channels <= 4) {
    const int64_t numbers = run.channels * run.count;
    const T* x = gather<T>(from, 1, numbers, buffer);
    T* to = place_for(into, 1, result);
    if (run.channels == 2) slopes_of_few<2>(x, to, run.count, slope);
    if (run.channels == 3) slopes_of_few<3>(x, to, run.count, slope);
    if (run.channels == 4) slopes_of_few<4>(x, to, run.count, slope);
    scatter(to, 1, numbers, into);
    return true;
  }
  for (int64_t i = 0; i < run.count; ++i, from += run.input.pixel_stride, into += run.slope.pixel_stride)
    for (int64_t c = 0; c < run.channels; c += kMostPixels) {
      const int64_t some = run.channels - c < kMostPixels ? run.channels - c : kMostPixels;
      T* to = place_for(into + c, 1, result);
      slopes_of_pixel(gather<T>(from + c, 1, some, buffer), to, some, i, slope);
      scatter(to, 1, some, into + c);
    }
  return true;
}

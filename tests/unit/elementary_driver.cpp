// The elementary functions over arrays, for tests/unit/test_elementary.py: number by number, and a register at a time.
#include "math/elementary.h"
#include "cpu/simd/pack.h"

namespace {

using namespace ptdet;

struct Isa {
#if defined(__AVX512F__)
  static constexpr int kBytes = 64;
#elif defined(__AVX2__)
  static constexpr int kBytes = 32;
#else
  static constexpr int kBytes = 16;
#endif
};

enum Which { kExponential, kSigmoid, kPower, kArctangent, kCosine, kSine };

template <typename T>
T value(int which, T x, double p) {
  switch (which) {
    case kExponential: return exponential(x);
    case kSigmoid: return sigmoid(x);
    case kPower: return power(x, p);
    case kArctangent: return arctangent(x);
    case kCosine: return cosine(x);
    default: return sine(x);
  }
}

template <typename T>
void run(int which, bool packed, const T* x, double p, T* y, int64_t count) {
  using P = cpu::Pack<T, Isa>;
  if (!packed) {
    for (int64_t i = 0; i < count; ++i) y[i] = value(which, x[i], p);
  } else {
    for (int64_t i = 0; i + P::kWidth <= count; i += P::kWidth) value(which, P::load(x + i), p).store(y + i);
  }
}

}  // namespace

extern "C" void of_float(int which, bool packed, const float* x, double p, float* y, int64_t count) {
  run(which, packed, x, p, y, count);
}

extern "C" void of_double(int which, bool packed, const double* x, double p, double* y, int64_t count) {
  run(which, packed, x, p, y, count);
}

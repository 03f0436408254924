// GCC's vector extension: arithmetic, comparison and selection as of a number. Included by .inc files only, inside one
// namespace per instruction set, whose registers are kVectorBytes wide.
#pragma once

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif

template <typename T, int bytes = kVectorBytes>
struct Vector {
  typedef T type __attribute__((vector_size(bytes)));
};

// Of the numbers of a Pack (pack.h).
struct PairRegister {
  static constexpr int kBytes = kVectorBytes;
};

// Memory that is about to be written for the first time.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace ptdet {

#if defined(__linux__) && defined(MADV_HUGEPAGE)
constexpr size_t kLargePage = size_t{1} << 21;

// Asks for large pages in it: the first touch of a 4 KB page costs several times the work on it. A hint, and only
// that.
inline void prefer_large_pages(void* memory, size_t bytes) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(memory);
  const uintptr_t begin = (address + kLargePage - 1) / kLargePage * kLargePage;
  const uintptr_t end = (address + bytes) / kLargePage * kLargePage;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
}
#else
constexpr size_t kLargePage = SIZE_MAX;  // more than any block

inline void prefer_large_pages(void*, size_t) {}
#endif

}  // namespace ptdet

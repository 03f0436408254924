// Counts the parallel regions of OpenMP that a process enters: preloaded, it stands before libgomp's own function.
#include <dlfcn.h>

#include <atomic>

namespace {
std::atomic<long> count{0};
}

extern "C" {

long regions_entered() { return count; }

void GOMP_parallel(void (*body)(void*), void* data, unsigned threads, unsigned flags) {
  using Function = void (*)(void (*)(void*), void*, unsigned, unsigned);
  static const auto next = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "GOMP_parallel"));
  if (threads != 1) ++count;
  next(body, data, threads, flags);
}
}

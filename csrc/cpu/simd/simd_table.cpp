#include "cpu/simd/simd_table.h"

#include <cstdlib>
#include <cstring>

namespace ptdet::cpu {
namespace {

// Those this processor can run, the best last.
struct Possible {
  const SimdTable* tables[3] = {&kBaseline};
  int count = 1;
};

Possible possible() {
  Possible found;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool has_avx2 = __builtin_cpu_supports("avx2");
  const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
  if (has_avx2) found.tables[found.count++] = &kAvx2;
  if (has_avx512) found.tables[found.count++] = &kAvx512;
#endif
  return found;
}

// A value of PTDET_CPU that names none of them is not obeyed; ptdet/_library/load.py says so.
const SimdTable& choose() {
  const Possible found = possible();
  const char* asked = std::getenv("PTDET_CPU");
  for (int i = 0; asked != nullptr && i < found.count; ++i) {
    if (std::strcmp(asked, found.tables[i]->name) == 0) return *found.tables[i];
  }
  return *found.tables[found.count - 1];
}

}  // namespace

const SimdTable& simd() {
  static const SimdTable& table = choose();
  return table;
}

const char* instruction_set() { return simd().name; }

const char* possible_instruction_set(int i) {
  const Possible found = possible();
  return i < found.count ? found.tables[i]->name : nullptr;
}

}  // namespace ptdet::cpu

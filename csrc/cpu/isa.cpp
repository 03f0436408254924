#include "cpu/isa.h"

#include <cstdlib>
#include <cstring>

namespace ptdet::cpu {
namespace {

const WalkTable& choose() {
#if defined(__x86_64__)
  const char* asked = std::getenv("PTDET_CPU");
  const bool best = asked == nullptr || *asked == '\0';
  __builtin_cpu_init();
  const bool has_avx2 = __builtin_cpu_supports("avx2");
  const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
  if (has_avx512 && (best || std::strcmp(asked, "avx512") == 0)) return kAvx512Walk;
  if (has_avx2 && (best || std::strcmp(asked, "avx2") == 0)) return kAvx2Walk;
#endif
  return kBaselineWalk;
}

}  // namespace

const WalkTable& walk_table() {
  static const WalkTable& table = choose();
  return table;
}

const char* instruction_set() { return walk_table().name; }

}  // namespace ptdet::cpu

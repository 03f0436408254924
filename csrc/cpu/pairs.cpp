#include "cpu/pairs.h"

#include <cstring>

namespace ptdet::cpu {
namespace {

const PairTable& choose() {
#if defined(__x86_64__)
  if (std::strcmp(instruction_set(), "avx512") == 0) return kAvx512Pairs;
  if (std::strcmp(instruction_set(), "avx2") == 0) return kAvx2Pairs;
#endif
  return kBaselinePairs;
}

const PairTable& pair_table() {
  static const PairTable& table = choose();
  return table;
}

}  // namespace

template <>
const PairLoops<float>& pair_loops<float>() {
  return pair_table().of_float;
}

template <>
const PairLoops<double>& pair_loops<double>() {
  return pair_table().of_double;
}

}  // namespace ptdet::cpu

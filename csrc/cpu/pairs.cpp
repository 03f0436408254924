#include "cpu/pairs.h"

#include "cpu/isa.h"

namespace ptdet::cpu {
namespace {

const PairTable& pair_table() {
  static const PairTable& table = PTDET_FOR_THIS_PROCESSOR(Pairs);
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

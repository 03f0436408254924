// The kernels that are compiled once per instruction set, and the table of the set in use: the best that this
// processor has, or what PTDET_CPU asks for.
#pragma once

#include "cpu/simd/box_tree.h"
#include "cpu/simd/channel_norm.h"
#include "cpu/simd/greedy_pass.h"
#include "cpu/simd/matrix_nms.h"
#include "cpu/simd/pairs.h"
#include "cpu/simd/rotated.h"
#include "cpu/simd/soft_nms.h"
#include "cpu/simd/sort.h"
#include "cpu/simd/yolo.h"

namespace ptdet::cpu {

struct SimdTable {
  const char* name;
  GreedyPassTable greedy_pass;
  BoxTreeTable box_tree;
  MatrixNmsTable matrix_nms;
  PairTable pairs;
  RotatedTable rotated;
  ChannelNormTable channel_norm;
  SoftNmsTable soft_nms;
  CountSmaller count_smaller;
  YoloBest yolo_best;
};

// baseline.cpp, avx2.cpp, avx512.cpp
extern const SimdTable kBaseline;
#if defined(__x86_64__)
extern const SimdTable kAvx2;
extern const SimdTable kAvx512;
#endif

const SimdTable& simd();

// The loops of a table with one set a type.
template <typename T, typename Table>
const auto& loops_of(const Table& table) {
  if constexpr (sizeof(T) == 8)
    return table.of_double;
  else
    return table.of_float;
}

template <typename T>
const PairLoops<T>& pair_loops() {
  return loops_of<T>(simd().pairs);
}

template <typename T>
const WeightLoops<T>& weight_loops() {
  return loops_of<T>(simd().matrix_nms);
}

template <typename Score>
const DecayLoops<Score>& decay_loops() {
  return loops_of<Score>(simd().soft_nms);
}

}  // namespace ptdet::cpu

// The kernels of cpu/simd for WebAssembly: only those that suppression calls, because a page waits for every byte.
#if defined(__wasm_simd128__)
#include <wasm_simd128.h>
#endif

#define PTDET_ISA baseline

#include "cpu/simd/simd_table.h"

#include "cpu/simd/box_tree.inc"
#include "cpu/simd/greedy_pass.inc"
#include "cpu/simd/matrix_nms.inc"
#include "cpu/simd/rotated_rows.inc"
// which the next one needs
#include "cpu/simd/rotated_nms.inc"
#include "cpu/simd/soft_nms.inc"
#include "cpu/simd/sort.inc"

namespace ptdet::cpu {

const SimdTable& simd() {
  static const SimdTable table = {
      "wasm",
      {baseline::kPassLoops<float>, baseline::kPassLoops<double>},
      {baseline::search<float>, baseline::search<double>, baseline::meets<float>, baseline::meets<double>,
       baseline::first<float>, baseline::first<double>, baseline::block_may_meet<float>,
       baseline::block_may_meet<double>},
      {baseline::kWeightLoops<float>, baseline::kWeightLoops<double>},
      {},
      {nullptr, baseline::turn_rows, nullptr, nullptr, nullptr, baseline::suppressed},
      {},
      {baseline::kDecayLoops<float>, baseline::kDecayLoops<double>},
      baseline::count_smaller,
      nullptr,
  };
  return table;
}

}  // namespace ptdet::cpu

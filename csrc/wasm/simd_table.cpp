// The kernels of cpu/simd for WebAssembly: only those that suppression and matching call, because a page waits for
// every byte.
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
#include "cpu/simd/rotated_areas.inc"
#include "cpu/simd/rotated_nms.inc"
#include "cpu/simd/soft_nms.inc"
#include "cpu/simd/sort.inc"

namespace ptdet::cpu {
namespace {

// By the metrics that matching asks for.
void overlaps_of_row(Metric metric, const RotatedColumns& a, int64_t row, const RotatedColumns& b, int64_t first,
                     int64_t count, double* out) {
  const RotatedBox<baseline::RotatedPack> one = baseline::rotated_in_all(baseline::rotated_one(a, row));
  if (metric == Metric::kIof) return baseline::areas_of_row(Iof{}, one, b, first, count, out);
  baseline::areas_of_row(Iou{}, one, b, first, count, out);
}

}  // namespace

const SimdTable& simd() {
  static const SimdTable table = {
      "wasm",
      {baseline::kPassLoops<float>, baseline::kPassLoops<double>},
      {baseline::search<float>, baseline::search<double>, baseline::meets<float>, baseline::meets<double>,
       baseline::first<float>, baseline::first<double>, baseline::block_may_meet<float>,
       baseline::block_may_meet<double>},
      {baseline::kWeightLoops<float>, baseline::kWeightLoops<double>},
      {},
      {baseline::turn, baseline::turn_rows, overlaps_of_row, nullptr, nullptr, baseline::suppressed},
      {},
      {baseline::kDecayLoops<float>, baseline::kDecayLoops<double>},
      baseline::count_smaller,
      nullptr,
  };
  return table;
}

}  // namespace ptdet::cpu

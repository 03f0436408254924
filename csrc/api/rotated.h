// Rotated boxes (SPEC 2): rows of cx, cy, w, h, angle, computed in double whatever their type is.
#pragma once

#include "api/nms.h"
#include "api/overlap.h"

namespace ptdet {

// Pair by pair: box i of a, box i of b.
struct RotatedPairs {
  int64_t count = 0;
  BoxColumn a, b;
  Metric metric = Metric::kIou;
};

namespace cpu {
// The metric is one of PTDET_ROTATED_METRICS. `out`: double if a set is float64, else float.
void rotated_pairwise_overlap(const PairwiseInput& input, void* out, const Host& host);
void rotated_overlap(const RotatedPairs& input, void* out, const Host& host);
// gradient: of the overlaps, in the type of `out` above; gradient_stride 0: one number for all. Writes rows of five in
// the same type, contiguous; null: not wanted.
void rotated_overlap_backward(const RotatedPairs& input, const void* gradient, int64_t gradient_stride, void* slopes_a,
                              void* slopes_b, const Host& host);

void rotated_nms(const NmsInput& input, const NmsParams& params, const NmsOutput& output, const Host& host);
}  // namespace cpu

namespace cuda {
// As on the CPU.
void rotated_pairwise_overlap(const PairwiseInput& input, void* out, void* stream);
void rotated_overlap(const RotatedPairs& input, void* out, void* stream);
void rotated_overlap_backward(const RotatedPairs& input, const void* gradient, int64_t gradient_stride, void* slopes_a,
                              void* slopes_b, void* stream);

// Between these calls the caller sorts, as for `nms`.
size_t rotated_nms_scratch_bytes(int64_t count);
void rotated_nms(const NmsInput& input, const NmsParams& params, const NmsSorted& sorted, const NmsOutput& output,
                 void* scratch, void* stream);
}  // namespace cuda
}  // namespace ptdet

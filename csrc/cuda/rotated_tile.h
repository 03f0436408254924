// Rotated boxes in the pass over tiles. Shared memory holds the enclosing box of each, as many bytes as an axis-aligned
// one, and where the whole one lies. A thread first finds the pairs that are not apart, so that the threads of a warp
// compute exact overlaps together, though of different boxes.
#pragma once

#include "cuda/nms_matches.h"
#include "cuda/rotated_shapes.h"

namespace ptdet::cuda {
namespace {

__global__ void turn(BoxColumn boxes, int64_t count, AlignedRotatedBox* shapes) {
  const int64_t row = thread_in_grid();
  if (row < count) shapes[row].box = load_rotated(boxes, row);
}

inline void turn_all(const NmsInput& input, AlignedRotatedBox* shapes, void* stream) {
  LAUNCH(turn, blocks_for(input.count, kBlock), kBlock, stream, input.boxes, input.count, shapes);
}

}  // namespace

template <>
struct TileShape<RotatedBox<double>> {
  using Number = double;
  using Source = const AlignedRotatedBox*;  // [row]
  struct alignas(16) Held {
    Box<float> around;
    const AlignedRotatedBox* whole;
  };
  static constexpr int kResidentBlocks = 2;

  __device__ static Held hold(Source shapes, int64_t row) {
    return {ptdet::cuda::around(shapes[row].box), &shapes[row]};
  }

  // Decided by comparisons of floats: the measure is then 0, or not finite.
  template <typename Measure>
  __device__ static bool are_apart(const Held& a, const Held& b, const Threshold<double>& threshold) {
    return !Measure::kAboveZeroApart && threshold.excludes_zero() && surely_apart(a.around, b.around);
  }

  template <typename Measure>
  __device__ static bool match(const Held& selected, const Held& candidate, const Threshold<double>& threshold) {
    return suppresses<Measure>(selected.whole->box, candidate.whole->box, threshold);
  }

  template <typename Measure>
  __device__ static uint32_t match_bits(const Held* boxes, int from, int end, const Held& candidate,
                                        const Threshold<double>& threshold) {
    uint32_t close = 0, bits = 0;
    for (int b = from; b < end; ++b)
      if (!are_apart<Measure>(boxes[b], candidate, threshold)) close |= 1u << b;
    PTDET_ROLLED
    for (; close != 0; close &= close - 1) {
      const int b = __ffs(static_cast<int>(close)) - 1;
      if (match<Measure>(boxes[b], candidate, threshold)) bits |= 1u << b;
    }
    return bits;
  }

  template <typename Measure, typename Take>
  __device__ static void take_first_match(const Held* boxes, int from, int end, int step, const Held& candidate,
                                          const Threshold<double>& threshold, Take&& take) {
    PTDET_ROLLED
    for (;; from += step) {
      while (from < end && are_apart<Measure>(boxes[from], candidate, threshold)) from += step;
      if (from >= end) return;
      if (!match<Measure>(boxes[from], candidate, threshold)) continue;
      take(from);
      return;
    }
  }
};

}  // namespace ptdet::cuda

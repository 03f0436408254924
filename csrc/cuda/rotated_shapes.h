// Rotated boxes on the device: read, with cosine, sine and area, and the enclosing boxes that tell most pairs apart.
// Those are floats: float64 is what a GPU has least of.
#pragma once

#include "math/rotated_box.h"
#include "cuda/load.h"

namespace ptdet::cuda {

struct alignas(16) AlignedRotatedBox {  // read in 16-byte pieces
  RotatedBox<double> box;
};

__device__ inline RotatedBox<double> load_rotated(const BoxColumn& boxes, int64_t row, int64_t offset = 0) {
  const int64_t first = offset + row * boxes.row_stride;
  const auto number = [&](int k) { return load<double>(boxes.data, boxes.type, first + k * boxes.column_stride); };
  return rotated_box(number(0), number(1), number(2), number(3), number(4));
}

// To float, not inwards: what is apart as floats is apart as doubles.
__device__ inline float rounded_down(double x) {
  const float near = static_cast<float>(x);
  return static_cast<double>(near) > x ? nextafterf(near, -INFINITY) : near;
}

__device__ inline Box<float> around(const RotatedBox<double>& box) {
  const Box<double> wide = bounds(box);
  return {rounded_down(wide.x1), rounded_down(wide.y1), -rounded_down(-wide.x2), -rounded_down(-wide.y2)};
}

}  // namespace ptdet::cuda

// What decides in COCO's evaluation (SPEC 7): in double, one rounding per written operation, as pycocotools does it.
#pragma once

#include "math/platform.h"

namespace ptdet {

// What a detection is, by area range and IoU threshold.
enum Outcome : uint8_t { kFalse, kTrue, kIgnored, kLeftOut };

// A box of x, y, width and height.
struct SizedBox {
  double x, y, right, bottom, area;

  PTDET_HD static SizedBox of(const double* numbers) {
    return {numbers[0], numbers[1], numbers[2] + numbers[0], numbers[3] + numbers[1], numbers[2] * numbers[3]};
  }
};

// IoU; over the area of the found one alone if the other is a crowd. NaN for 0/0, which is below no threshold.
PTDET_HD double coco_overlap(const SizedBox& found, const SizedBox& truth, bool crowd) {
  const double width =
      (found.right < truth.right ? found.right : truth.right) - (found.x > truth.x ? found.x : truth.x);
  if (width <= 0) return 0;
  const double height =
      (found.bottom < truth.bottom ? found.bottom : truth.bottom) - (found.y > truth.y ? found.y : truth.y);
  if (height <= 0) return 0;
  const double shared = width * height;
  return shared / (crowd ? found.area : found.area + truth.area - shared);
}

// An overlap below it finds nothing.
PTDET_HD double coco_threshold(double threshold) {
  const double most = 1 - 1e-10;
  return threshold < most ? threshold : most;
}

PTDET_HD bool outside(double area, const double* range) { return area < range[0] || area > range[1]; }

PTDET_HD double coco_precision(double true_ones, double false_ones) {
  const double spacing = 2.220446049250313e-16;  // of 1: nothing found divides by it
  return true_ones / (false_ones + true_ones + spacing);
}

}  // namespace ptdet

// Blocks of pairs of rotated boxes: the loops that rotated.inc has once per instruction set.
#pragma once

#include "math/rotated_box.h"
#include "math/threshold.h"
#include "api/api.h"

namespace ptdet::cpu {

// Boxes number by number: cx, cy, w, h, angle, and the cosine, sine and area that `turn` writes. Each column has
// kPadding numbers after the last, which are read and mean nothing.
struct RotatedColumns {
  static constexpr int kNumbers = 5, kColumns = 8, kSlopes = 2 * kNumbers;
  static constexpr int64_t kPadding = 8;
  double* columns[kColumns];
};

template <typename T>
struct Filter;

struct RotatedTable {
  void (*turn)(const RotatedColumns& boxes, int64_t begin, int64_t end);
  // The same of rows whose first five numbers are set.
  void (*turn_rows)(RotatedBox<double>* boxes, int64_t count);
  // Overlaps of box `row` of a with `count` boxes of b from `first` on. `out` has room for kPadding more.
  void (*of_row)(Metric metric, const RotatedColumns& a, int64_t row, const RotatedColumns& b, int64_t first,
                 int64_t count, double* out);
  // Of boxes `first` and on of each, pair by pair.
  void (*of_pairs)(Metric metric, const RotatedColumns& a, const RotatedColumns& b, int64_t first, int64_t count,
                   double* out);
  // The derivatives of these overlaps, times `weight`: kSlopes runs of `stride` numbers, by those of a, then, if
  // wanted, of b.
  void (*slopes_of_pairs)(Metric metric, const RotatedColumns& a, const RotatedColumns& b, const double* weight,
                          int64_t count, bool of_b, double* out, int64_t stride);
  // Of the boxes at `count` places those that the selected one suppresses: their places come first, and how many they
  // are is returned. `places` has room for kPadding more.
  uint32_t (*suppressed)(Metric metric, const Filter<double>& filter, const Threshold<double>& threshold,
                         const RotatedBox<double>& selected, const RotatedBox<double>* boxes, uint32_t* places,
                         uint32_t count);
};

}  // namespace ptdet::cpu

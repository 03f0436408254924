// A box that grows to the hull of itself and of the boxes it absorbs, one by one. Each side belongs to the first box
// that reaches it.
#pragma once

#include <cstdint>

#include "math/box.h"

namespace ptdet {

template <typename T>
struct Grown {
  Box<T> box;
  int64_t x1, y1, x2, y2;  // the rows that have these sides

  PTDET_HD static Grown from(const Box<T>& box, int64_t row) { return {box, row, row, row, row}; }
  PTDET_HD static Grown none() { return from({T(0), T(0), T(0), T(0)}, -1); }

  PTDET_HD void absorb(const Box<T>& member, int64_t row) {
    if (member.x1 < box.x1) box.x1 = member.x1, x1 = row;
    if (member.y1 < box.y1) box.y1 = member.y1, y1 = row;
    if (member.x2 > box.x2) box.x2 = member.x2, x2 = row;
    if (member.y2 > box.y2) box.y2 = member.y2, y2 = row;
  }

  // To the k-th row of a (count, 4) array.
  PTDET_HD void write_sides(int64_t* sides, int64_t k) const {
    sides[4 * k] = x1;
    sides[4 * k + 1] = y1;
    sides[4 * k + 2] = x2;
    sides[4 * k + 3] = y2;
  }
};

}  // namespace ptdet

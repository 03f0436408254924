// The largest class value of each row of a tile, in one sweep over the tile's memory: what tells, before any other
// work, that a row has no candidate. yolo.inc is compiled once per instruction set.
#pragma once

#include "api/api.h"

namespace ptdet::cpu {

constexpr int kTileRows = 2048;

struct YoloTile {
  const char* data;  // of its first row's first class
  Type type;
  int64_t row_stride, column_stride;  // in elements
  int rows;
  int64_t classes;
  const bool* asked;  // [rows] of the others the answer is of no interest
};

// best: double for float64, else float. NaN if a class value is.
using YoloBest = void (*)(const YoloTile& tile, void* best);

}  // namespace ptdet::cpu

// COCO's evaluation of a data set (SPEC 7). All arrays lie without gaps.
#pragma once

#include "api/common.h"

namespace ptdet {

// Boxes of a data set: `numbers` 4, x, y, width, height, or 5, rotated.
struct DataSetBoxes {
  int64_t count = 0, numbers = 4;
  const double* boxes = nullptr;
  const int64_t* labels = nullptr;  // in [0, classes)
  const int64_t* images = nullptr;  // in [0, images)
};

struct MatchInput {
  int64_t images = 0, classes = 0;
  DataSetBoxes found, truth;       // fewer than 2^32 - 1 each
  const double* scores = nullptr;  // of the found
  const bool *crowd = nullptr, *ignore = nullptr;
  const double* area = nullptr;  // of the truth
  const double* thresholds = nullptr;
  const double* ranges = nullptr;  // pairs: least and most area
  int64_t num_thresholds = 0, num_ranges = 0;
  int64_t most = 0;  // so many of a class and image are matched, the best
};

struct MatchOutput {
  uint8_t* outcome;  // (found, ranges, thresholds)
  int64_t* rank;     // (found) the place among those of its class and image
  int64_t* order;    // (found) by class, decreasing score, image, row
  int64_t* taken;    // (found, ranges, thresholds) row of the truth, or -1; null if not wanted
};

struct AccumulateInput {
  int64_t classes = 0, num_ranges = 0, num_thresholds = 0, num_limits = 0, num_recalls = 0;
  const uint8_t* outcome = nullptr;
  const int64_t* rank = nullptr;
  const double* scores = nullptr;
  const int64_t* order = nullptr;      // rows of the found, class after class, by decreasing score
  const int64_t* starts = nullptr;     // (classes + 1) in `order`
  const int64_t* positives = nullptr;  // (classes, ranges) objects that count, at least as many as are found
  const double* recalls = nullptr;     // ascending
  const int64_t* limits = nullptr;     // a rank below it takes part
};

// -1 where a class has no object that counts.
struct AccumulateOutput {
  double* precision;  // (classes, ranges, limits, thresholds, recalls)
  double* recall;     // (classes, ranges, limits, thresholds)
  double* scores;     // as precision: the score where that recall is reached
};

namespace cpu {
void evaluation_match(const MatchInput& input, const MatchOutput& output, const Host& host);
// False if more is found than counts.
bool evaluation_accumulate(const AccumulateInput& input, const AccumulateOutput& output, const Host& host);
}  // namespace cpu

}  // namespace ptdet

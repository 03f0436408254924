// The steps around a pass over many images, as kernels, so that a call on the CPU stays on the kernels' own threads.
#pragma once

#include "api/common.h"

namespace ptdet {

// Rows of `columns` elements of `bytes` each, as they lie in the caller's memory. Strides count elements.
struct RowsInput {
  const void* data = nullptr;
  int64_t count = 0, columns = 1;
  int64_t row_stride = 1, column_stride = 1;
  int64_t bytes = 4;
};

// Scores of each box and class of each image. Strides count elements.
struct ClassScores {
  const void* data = nullptr;
  Type type = Type::kFloat32;
  int64_t images = 0, rows = 0, classes = 0;
  int64_t image_stride = 0, row_stride = 0, class_stride = 1;
  bool has_threshold = false;
  double threshold = 0;  // a candidate's score is above it
};

// Their boxes; `class_stride` is 0 where classes share them.
struct ClassBoxes {
  const void* data = nullptr;
  Type type = Type::kFloat32;
  int64_t image_stride = 0, row_stride = 0, class_stride = 0, column_stride = 1;
  int64_t numbers = 4;  // of a box: 4 or 5
};

// By image, class and box.
struct ClassCandidates {
  void* boxes;   // (count, numbers) in the type of the input's
  void* scores;  // in the type of the input's
  int64_t *groups, *images, *labels, *rows;
};

namespace cpu {

enum class Ids { kFine, kImageIsUnknown, kIdIsNan };

// groups[i] = images[i] * n + how many of the n different ids are below ids[i]. images: integers in [0, num_images);
// no ids: n is 1.
Ids ragged_groups(const Column& images, const Column& ids, int64_t count, int64_t num_images, int64_t* groups,
                  const Host& host);

struct OrderFound {
  int64_t count;            // -1 if an entry or an image is out of range
  const int32_t* image_of;  // the host's memory
};

// Entries of keep (negative: nobody) image by image, the first `most` of each (negative: all); images are below 2^31.
// num[image]: how many it has.
OrderFound image_order_find(const int64_t* keep, int64_t count, const Column& images, int64_t candidates,
                            int64_t num_images, int64_t most, int64_t* num, const Host& host);
// Their places in keep (null: not wanted), and the entries themselves.
void image_order_emit(const int64_t* keep, int64_t count, const OrderFound& found, const int64_t* num,
                      int64_t num_images, int64_t* places, int64_t* chosen, const Host& host);

// out[k] = row places[k], or `padding` where that is -1. False if a place is out of range.
bool rows_at(const RowsInput& input, const int64_t* places, int64_t count, int64_t padding, void* out,
             const Host& host);

struct ClassesFound {
  int64_t count;
  const int64_t* starts;  // the host's memory
};

ClassesFound class_candidates_find(const ClassScores& scores, const Host& host);
void class_candidates_emit(const ClassScores& scores, const ClassBoxes& boxes, const ClassesFound& found,
                           const ClassCandidates& output, const Host& host);

}  // namespace cpu
}  // namespace ptdet

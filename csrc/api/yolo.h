// YOLO heads (SPEC 4), and what a pass over many images kept, as slots of the images.
#pragma once

#include "api/methods.h"

namespace ptdet {

// Rows of a YOLO head (SPEC 4), as they lie in the caller's memory. Strides count elements.
struct YoloInput {
  const void* data = nullptr;
  int64_t images = 0, rows = 0, classes = 0;  // rows and classes below 2^32
  int64_t image_stride = 0, row_stride = 0, column_stride = 1;
  Type type = Type::kFloat32;
};

struct YoloParams {
  bool objectness = true;   // column 4
  bool logits = false;      // class values are taken through a sigmoid
  bool multi_label = true;  // a candidate for every class above the threshold, else for the best
  double objectness_threshold = 0.0;
  bool has_confidence_threshold = false;
  double confidence_threshold = 0.0;
  double min_side = 0.0, max_side = 0.0;  // width and height lie strictly between
  const bool* wanted = nullptr;           // [classes] candidates of no other class are emitted; null: all are
};

// Candidates by image, row, class. Boxes and scores: double for float64, else float.
struct YoloOutput {
  void* boxes;
  void* scores;
  int64_t* labels;
  int64_t* images;
  int64_t* rows;
};

namespace cpu {

struct YoloFound {
  int64_t count;
  const void* lists;  // the host's memory
};

// passed[image]: rows that pass the filters of objectness and sides.
YoloFound yolo_find(const YoloInput& input, const YoloParams& params, int64_t* passed, const Host& host);
void yolo_emit(const YoloInput& input, const YoloFound& found, const YoloOutput& output, const Host& host);

}  // namespace cpu

// What comes after the filter (SPEC 4).
enum class YoloMethod : int { kHard, kAnd, kMerge, kSoft };

struct DetectionParams {
  YoloParams filter;
  NmsParams pass;  // has no score threshold and no limit
  YoloMethod method = YoloMethod::kHard;
  bool agnostic = false;       // boxes of different classes meet too
  bool by_class = false;       // ties go to the lower class, then the lower row; else to the lower row first
  int64_t max_per_class = -1;  // only the best so many of a class take part, if `by_class`; negative: all
  int64_t max_per_image = -1;  // negative: all
};

namespace cpu {

// Image by image, each by decreasing confidence, in the host's memory.
struct Detections {
  int64_t count = 0;  // kScoreIsNegative: a score that soft-NMS refuses
  const void *boxes = nullptr, *scores = nullptr;
  const int64_t *labels = nullptr, *images = nullptr, *rows = nullptr;
};

// num[image]: its detections; passed[image]: rows that pass the filters of objectness and sides.
Detections yolo_detect(const YoloInput& input, const DetectionParams& params, int64_t* num, int64_t* passed,
                       const Host& host);
// `table`: rows of x1, y1, x2, y2, confidence, class and `extra` columns of the input from `first` on, in the type of
// boxes.
void yolo_write(const YoloInput& input, const Detections& found, int64_t first, int64_t extra, void* table,
                const Host& host);

}  // namespace cpu

namespace cuda {

// The caller reads *count between the two calls, and allocates. `passed` and *count are 0 before the first; `scratch`
// is the same in both and aligned to 8 bytes.
size_t yolo_scratch_bytes(const YoloInput& input);
void yolo_count(const YoloInput& input, const YoloParams& params, void* scratch, int64_t* passed, int64_t* count,
                void* stream);
void yolo_write(const YoloInput& input, const YoloParams& params, void* scratch, const YoloOutput& output,
                void* stream);

}  // namespace cuda

// What a pass over all images kept, dealt out to the images.
struct SlotsInput {
  int64_t count = 0;                // of keep
  const int64_t* keep = nullptr;    // indices into groups by decreasing score; negative: nobody
  int64_t candidates = 0;           // of groups
  const int64_t* groups = nullptr;  // image * classes + class
  int64_t images = 0, classes = 0;
  int64_t max_per_image = 0, max_per_class = 0;
};

struct SlotsOutput {
  int64_t* num;    // [images]
  int64_t* slots;  // [images, max_per_image] places in keep, rising, then -1
};

namespace cpu {

// False if an entry of keep or groups is out of range; it is not read or written through.
bool image_slots(const SlotsInput& input, const SlotsOutput& output, const Host& host);

}  // namespace cpu

namespace cuda {

// Entries out of range are skipped. Nothing synchronises. `scratch` is aligned to 8 bytes.
size_t image_slots_scratch_bytes(const SlotsInput& input);
void image_slots(const SlotsInput& input, const SlotsOutput& output, void* scratch, void* stream);

}  // namespace cuda
}  // namespace ptdet

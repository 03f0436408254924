// The door: every launcher of the house, declared once. Plain pointers and structs; no torch on either side.
// A kernel never allocates, synchronises or chooses a stream: memory, threads and streams come from the caller.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ptdet {

enum class Type : int {
  // clang-format off
  kFloat64, kFloat32, kFloat16, kBFloat16,  // the floats first: torch/arguments.h compares
  kInt64, kInt32, kInt16, kInt8, kUInt8, kBool, kUInt16, kUInt32, kUInt64,
  // clang-format on
};

enum class Metric : int { kIou, kGiou, kDiou, kCiou, kIof, kIos };

// N numbers in the caller's memory, as they lie there. Strides count elements.
struct Column {
  const void* data = nullptr;  // null: absent
  int64_t stride = 1;
  Type type = Type::kFloat32;
};

// N rows of x1, y1, x2, y2.
struct BoxColumn {
  const void* data = nullptr;
  int64_t row_stride = 4;
  int64_t column_stride = 1;
  Type type = Type::kFloat32;
};

struct NmsInput {
  int64_t count = 0;
  BoxColumn boxes;
  Column scores;
  Column groups;  // only boxes of one group meet; absent: one group
};

struct NmsParams {
  double iou_threshold = 0.5;
  bool inclusive = false;  // overlap >= threshold instead of >
  Metric metric = Metric::kIou;
  double beta = 1;  // kDiou: the power of its penalty
  bool has_score_threshold = false;
  double score_threshold = 0.0;  // a candidate's score is above it
  int64_t max_output = 0;        // at most so many are kept; the caller passes `count` for no limit
};

// The result of the greedy walk, of fixed shape (DESIGN, decision 6).
struct NmsOutput {
  int64_t* keep = nullptr;   // (count) kept indices by decreasing score, then -1
  int64_t* owner = nullptr;  // (count) the kept box that removed i, i itself if kept, else -1; null if not wanted
  int64_t* kept = nullptr;   // (1) how many are kept; kGroupIsNan if a group id was NaN
};

constexpr int64_t kGroupIsNan = -1;

namespace cpu {

// What a CPU kernel borrows from the room that calls it.
struct Host {
  void* context;
  int threads;
  // Calls body(argument, i) once for each i in [0, tasks), on up to `threads` threads.
  void (*parallel_for)(void* context, int64_t tasks, void (*body)(void* argument, int64_t i), void* argument);
  // Memory, 64-byte aligned, that lives until the call ends. May be called from any thread. Never returns null.
  void* (*allocate)(void* context, size_t bytes);
};

void nms(const NmsInput& input, const NmsParams& params, const NmsOutput& output, const Host& host);

// The instruction set in use: "baseline", "avx2", "avx512" or "neon".
const char* instruction_set();
// Those that PTDET_CPU may ask for on this machine, i = 0, 1, ...; null after the last.
const char* possible_instruction_set(int i);

}  // namespace cpu

namespace cuda {

// The caller sorts between these calls; nothing synchronises, and an empty input launches nothing. *kept is 0 before
// the first call.

// Scores to sort keys: keys[i], ascending as signed integers, is the order of SPEC 1; a box that is no candidate has
// the largest key. Float64 scores give int64 keys, all others int32.
void score_keys(const NmsInput& input, const NmsParams& params, void* keys, void* stream);

// groups[r] = the group key of box order[r]; *kept = kGroupIsNan if one is NaN (else untouched).
void group_keys(const NmsInput& input, const int64_t* order, int64_t* groups, int64_t* kept, void* stream);

// The walk. `by_score` lists boxes by decreasing score; `by_group` is the same list stably sorted by group, and
// `groups` the group keys along it (both null: one group, by_score is walked). `keys` are those of score_keys.
struct NmsSorted {
  const int64_t* by_score;
  const int64_t* by_group;
  const int64_t* groups;
  const void* keys;
};
size_t nms_scratch_bytes(const NmsInput& input);
// Writes all of keep and owner, and *kept unless it is kGroupIsNan. `scratch` is aligned to 256 bytes.
void nms(const NmsInput& input, const NmsParams& params, const NmsSorted& sorted, const NmsOutput& output,
         void* scratch, void* stream);

}  // namespace cuda

// The norm over channels. The pixels of a tensor (B, C, *spatial) are all its dimensions but the channels, the last
// one innermost; strides count elements. The norm and its gradient have one channel, and the type of the input.
constexpr int kPixelDims = 32;

struct PixelShape {
  Type type = Type::kFloat32;
  int64_t channels = 0;
  int dims = 0;
  int64_t size[kPixelDims] = {};
};

struct PixelArray {
  void* data = nullptr;  // an input is not written to
  int64_t channel_stride = 0;
  int64_t stride[kPixelDims] = {};
};

namespace cpu {
void channel_norm(const PixelShape& shape, const PixelArray& input, const PixelArray& norm, double degree,
                  const Host& host);
// Writes `slope`, an array like the input.
void channel_norm_backward(const PixelShape& shape, const PixelArray& grad, const PixelArray& input,
                           const PixelArray& norm, double degree, const PixelArray& slope, const Host& host);
}  // namespace cpu

namespace cuda {
void channel_norm(const PixelShape& shape, const PixelArray& input, const PixelArray& norm, double degree,
                  void* stream);
void channel_norm_backward(const PixelShape& shape, const PixelArray& grad, const PixelArray& input,
                           const PixelArray& norm, double degree, const PixelArray& slope, void* stream);
}  // namespace cuda
}  // namespace ptdet

// Overlaps of pairs of boxes: of all of two sets, or box by box (SPEC 2).
namespace ptdet {

struct OverlapParams {
  Metric metric = Metric::kIou;
  double epsilon = 0.0;        // added to the denominators of penalties
  double joint_epsilon = 0.0;  // added to the denominator of the overlap itself
};

// batch x rows x columns; a set of boxes is `batch` runs of rows. Computed in float64 if a box is float64 or an
// integer, else in float32.
struct PairwiseInput {
  int64_t batch = 1, rows = 0, columns = 0;
  BoxColumn a, b;
  int64_t a_batch_stride = 0, b_batch_stride = 0;
  OverlapParams params;
};

// What came out's gradient: rows of numbers that lie side by side, or one number for all columns of a row.
struct PairwiseGradient {
  const void* data = nullptr;
  int64_t batch_stride = 0, row_stride = 0;
  bool one_a_row = false;
};

// kMeasure is the overlap itself; every other is 1 - an overlap + penalties, or that times a factor.
enum class Loss : int { kMeasure, kComplement, kPlain, kFocal, kPowered, kInner, kWasserstein, kWise };

enum Penalty : unsigned {
  kHull = 1,
  kDistance = 2,
  kAspect = 4,
  kSides = 8,
  kAngledDistance = 16,
  kShape = 32,
  kCorners = 64,
};

struct LossParams {
  OverlapParams overlap;  // the metric of kMeasure and kComplement
  Loss loss = Loss::kComplement;
  unsigned penalties = 0;           // of the other losses
  double power = 1.0, scale = 1.0;  // what they mean is each loss's own
};

// Pair by pair: box i of a, box i of b.
struct LossInput {
  int64_t count = 0;
  BoxColumn a, b;
  LossParams params;
};

// Slopes are the derivatives of value i by the four coordinates of box i; null: not wanted. They and the values are
// float64 if that is computed in and no box is an integer, else float32.
struct LossOutput {
  void* value = nullptr;
  void* slopes_a = nullptr;
  void* slopes_b = nullptr;
};

namespace cpu {
void pairwise_overlap(const PairwiseInput& input, void* out, const Host& host);
// Writes (batch, rows, 4) and (batch, columns, 4), contiguous, in the type of the gradient; null: not wanted.
void pairwise_overlap_backward(const PairwiseInput& input, const PairwiseGradient& gradient, void* slopes_a,
                               void* slopes_b, const Host& host);
void box_loss(const LossInput& input, const LossOutput& output, const Host& host);
// out = slopes times the gradient of their value, rows of 4; gradient_stride 0: one number for all.
void box_loss_backward(Type type, const void* gradient, int64_t gradient_stride, const void* slopes, int64_t count,
                       void* out, const Host& host);
}  // namespace cpu

namespace cuda {
void pairwise_overlap(const PairwiseInput& input, void* out, void* stream);
void pairwise_overlap_backward(const PairwiseInput& input, const PairwiseGradient& gradient, void* slopes_a,
                               void* slopes_b, void* stream);
void box_loss(const LossInput& input, const LossOutput& output, void* stream);
void box_loss_backward(Type type, const void* gradient, int64_t gradient_stride, const void* slopes, int64_t count,
                       void* out, void* stream);
}  // namespace cuda

}  // namespace ptdet

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

namespace cuda {

// The caller reads *count between the two calls, and allocates. `passed` and *count are 0 before the first; `scratch`
// is the same in both and aligned to 8 bytes.
size_t yolo_scratch_bytes(const YoloInput& input);
void yolo_count(const YoloInput& input, const YoloParams& params, void* scratch, int64_t* passed, int64_t* count,
                void* stream);
void yolo_write(const YoloInput& input, const YoloParams& params, void* scratch, const YoloOutput& output,
                void* stream);

}  // namespace cuda
}  // namespace ptdet

namespace ptdet {

// What a walk over all images kept, dealt out to the images.
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

// The other methods.
namespace ptdet {

struct AndParams {
  NmsParams walk;
  double overlap_threshold = 0.5;  // a visited box stays if a box then alive overlaps it by more
};

// Whose mean a kept box becomes, itself always among them.
enum class Members : int {
  kCluster,      // the boxes it removed
  kOverlapping,  // the candidates of its group that overlap it enough
  kLater,        // of these the ones after it
  kBest,         // the removed boxes that overlap it more than any other kept box before them
};

struct MergeParams {
  NmsParams walk;
  Members members = Members::kCluster;
  bool by_overlap = false;  // a weight is the score times the overlap with the kept box; else the score
};

struct MergeOutput {
  NmsOutput walk;  // owner is never null
  void* merged;    // (count, 4) in the type of the input's boxes: the boxes in the order of keep, then 0
};

enum class Decay : int { kGaussian, kLinear, kHard };

struct SoftParams {
  NmsParams walk;
  double sigma = 0.5;
  double min_score = 0.001;
  Decay decay = Decay::kGaussian;
  bool reselect = true;
};

struct SoftOutput {
  NmsOutput walk;  // owner is never null; *kept may be kScoreIsNegative
  void* scores;    // (count) in the type of the input's scores: as they are when visited, in the order of keep, then 0
};

constexpr int64_t kScoreIsNegative = -2;

enum class Confidence : int { kAverage, kMaximum, kBoxAndModel, kAbsentModelAware };

struct WbfParams {
  NmsParams walk;
  Confidence confidence = Confidence::kAverage;
  bool allows_overflow = false;
};

struct WbfInput {
  NmsInput walk;
  Column models;   // (count) int64, each below model_count; absent: all 0
  Column weights;  // (model_count) one a model; absent: 1
  int64_t model_count = 1;
};

struct WbfOutput {
  NmsOutput walk;  // keep: the founders; owner is never null; *kept may be kModelIsUnknown
  void* fused;     // (count, 4) in the type of the input's boxes, in the order of keep, then 0
  void* scores;    // (count) in the type of the input's scores
};

constexpr int64_t kModelIsUnknown = -3;

namespace cpu {

// keep, owner and kept as nms has them; owner of a visited box is itself, kept or not.
void and_nms(const NmsInput& input, const AndParams& params, const NmsOutput& output, const Host& host);

void merge_nms(const NmsInput& input, const MergeParams& params, const MergeOutput& output, const Host& host);

void soft_nms(const NmsInput& input, const SoftParams& params, const SoftOutput& output, const Host& host);

void wbf(const WbfInput& input, const WbfParams& params, const WbfOutput& output, const Host& host);

}  // namespace cpu

namespace cuda {

// Each works on the walk that nms has finished, with owners; `scratch` is aligned to 256 bytes.

// After nms without a limit.
size_t and_scratch_bytes(int64_t count);
void and_nms(const NmsInput& input, const AndParams& params, const NmsOutput& output, void* scratch, void* stream);

// After nms (under kBest without a limit). keys[r]: the cluster of the r-th box of by_score. The caller sorts them,
// stably; `ranks` are the r along the sorted keys.
size_t merge_scratch_bytes(int64_t count);
void merge_clusters(const NmsInput& input, const MergeParams& params, const NmsSorted& sorted, const NmsOutput& output,
                    int64_t* keys, void* scratch, void* stream);
void merge_means(const NmsInput& input, const MergeParams& params, const NmsSorted& sorted, const int64_t* keys,
                 const int64_t* ranks, const MergeOutput& output, void* scratch, void* stream);

// Instead of nms. keys[i], of the type of sorted.keys: the caller sorts them, stably; `order` are the i along the
// sorted keys. *kept is 0 before, or kGroupIsNan.
size_t soft_scratch_bytes(int64_t count);
void soft_nms(const NmsInput& input, const SoftParams& params, const NmsSorted& sorted, int64_t* kept, void* keys,
              void* scratch, void* stream);
void soft_result(const NmsInput& input, const SoftParams& params, const NmsSorted& sorted, const int64_t* order,
                 const SoftOutput& output, void* scratch, void* stream);

}  // namespace cuda
}  // namespace ptdet

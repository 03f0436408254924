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

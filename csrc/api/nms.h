// Hard NMS (SPEC 3).
#pragma once

#include "api/common.h"

namespace ptdet {

struct NmsInput {
  int64_t count = 0;
  int64_t numbers = 4;  // of a box; 5: rotated ones, which the methods of cpu/ take, too, and of cuda/ fast_nms
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

  bool has_power() const { return metric == Metric::kDiou && beta != 1; }
};

// The result of the greedy pass, of fixed shape (DESIGN, decision 6).
struct NmsOutput {
  int64_t* keep = nullptr;   // (count) kept indices by decreasing score, then -1
  int64_t* owner = nullptr;  // (count) the kept box that removed i, i itself if kept, else -1; null if not wanted
  int64_t* kept = nullptr;   // (1) how many are kept; kGroupIsNan if a group id was NaN
};

constexpr int64_t kGroupIsNan = -1;
constexpr int64_t kNumberIsNan = -4;  // of those that a variant takes besides, one a box

namespace cpu {
void nms(const NmsInput& input, const NmsParams& params, const NmsOutput& output, const Host& host);
}  // namespace cpu

namespace cuda {

// The caller sorts between these calls; nothing synchronises, and an empty input launches nothing. *kept is 0 before
// the first call.

// Scores to sort keys: keys[i], ascending as signed integers, is the order of SPEC 1; a box that is no candidate has
// the largest key. Float64 scores give int64 keys, all others int32.
void score_keys(const NmsInput& input, const NmsParams& params, void* keys, void* stream);

// groups[r] = the group key of box order[r]; *kept = kGroupIsNan if one is NaN (else untouched).
void group_keys(const NmsInput& input, const int64_t* order, int64_t* groups, int64_t* kept, void* stream);

// The pass. `by_score` lists boxes by decreasing score; `by_group` is the same list stably sorted by group, and
// `groups` the group keys along it (both null: one group, then by_score is used). `keys` are those of score_keys.
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
}  // namespace ptdet

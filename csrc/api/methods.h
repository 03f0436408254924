// The other methods of suppression and fusion (SPEC 3).
#pragma once

#include "api/nms.h"

namespace ptdet {

struct AndParams {
  NmsParams pass;
  double overlap_threshold = 0.5;  // a selected box stays if a box then alive overlaps it by more
};

struct AdaptiveInput {
  NmsInput pass;
  Column densities;  // (count); a NaN is refused: kNumberIsNan
};

// What a kept box of this density removes: what overlaps it by more.
PTDET_HD double adaptive_threshold(double iou_threshold, double density) {
  return density > iou_threshold ? density : iou_threshold;
}

// Whose mean a kept box becomes, itself always among them.
enum class Members : int {
  kCluster,      // the boxes it removed
  kOverlapping,  // the candidates of its group that overlap it enough
  kLater,        // of these the ones after it
  kBest,         // the removed boxes that overlap it more than any other kept box before them
};

struct MergeParams {
  NmsParams pass;
  Members members = Members::kCluster;
  bool by_overlap = false;  // a weight is the score times the overlap with the kept box; else the score
};

struct MergeOutput {
  NmsOutput pass;  // owner is never null
  void* merged;    // (count, numbers) in the type of the input's boxes: the boxes in the order of keep, then 0
};

enum class Decay : int { kGaussian, kLinear, kHard };

struct SoftParams {
  NmsParams pass;
  double sigma = 0.5;
  double min_score = 0.001;
  Decay decay = Decay::kGaussian;
  bool reselect = true;
};

struct SoftOutput {
  NmsOutput pass;  // owner is never null; *kept may be kScoreIsNegative
  void* scores;    // (count) in the type of the input's scores: as they are when selected, in the order of keep, then 0
};

constexpr int64_t kScoreIsNegative = -2;

struct MatrixParams {
  NmsParams pass;  // its threshold and `inclusive` are not used
  double sigma = 2.0;
  double min_score = 0.001;
  Decay decay = Decay::kGaussian;  // or kLinear
};

struct NmmParams {
  NmsParams pass;
  bool members_propagate = false;  // a member absorbs the boxes that it overlaps, for its own absorber
};

struct NmmOutput {
  NmsOutput pass;  // owner is never null
  void* grown;     // (count, numbers) in the type of the input's boxes: the boxes in the order of keep, then 0
  int64_t* sides;  // (count, 4) the row that each side is of, the first of equals, then -1; null if not wanted. Of a
                   // rotated box the sides of its frame (math/rotated_fusion.h)
};

enum class Confidence : int { kAverage, kMaximum, kBoxAndModel, kAbsentModelAware };

struct WbfParams {
  NmsParams pass;
  Confidence confidence = Confidence::kAverage;
  bool allows_overflow = false;
};

struct WbfInput {
  NmsInput pass;
  Column models;   // (count) int64, each below model_count; absent: all 0
  Column weights;  // (model_count) one a model; absent: 1
  int64_t model_count = 1;
};

struct WbfOutput {
  NmsOutput pass;  // keep: the founders; owner is never null; *kept may be kModelIsUnknown
  void* fused;     // (count, numbers) in the type of the input's boxes, in the order of keep, then 0
  void* scores;    // (count) in the type of the input's scores
};

constexpr int64_t kModelIsUnknown = -3;

namespace cpu {

// keep, owner and kept as nms has them; owner of a selected box is itself, kept or not.
void and_nms(const NmsInput& input, const AndParams& params, const NmsOutput& output, const Host& host);

void adaptive_nms(const AdaptiveInput& input, const NmsParams& params, const NmsOutput& output, const Host& host);

void merge_nms(const NmsInput& input, const MergeParams& params, const MergeOutput& output, const Host& host);

void soft_nms(const NmsInput& input, const SoftParams& params, const SoftOutput& output, const Host& host);

void wbf(const WbfInput& input, const WbfParams& params, const WbfOutput& output, const Host& host);

// owner: the best box that overlaps i enough, kept or not; never null.
void fast_nms(const NmsInput& input, const NmsParams& params, const NmsOutput& output, const Host& host);

// owner of a box that is dropped: the one that weighed most on it.
void matrix_nms(const NmsInput& input, const MatrixParams& params, const SoftOutput& output, const Host& host);

void nmm(const NmsInput& input, const NmmParams& params, const NmmOutput& output, const Host& host);

}  // namespace cpu

namespace cuda {

// and_nms and merge_nms take the result of nms, with owners; `scratch` is aligned to 256 bytes.

// After nms without a limit.
size_t and_scratch_bytes(int64_t count);
void and_nms(const NmsInput& input, const AndParams& params, const NmsOutput& output, void* scratch, void* stream);

// Instead of nms.
size_t adaptive_scratch_bytes(int64_t count);
void adaptive_nms(const AdaptiveInput& input, const NmsParams& params, const NmsSorted& sorted, const NmsOutput& output,
                  void* scratch, void* stream);

// After nms (under kBest without a limit). keys[r]: the cluster of the r-th box of by_score. The caller sorts them,
// stably; `ranks` are the r along the sorted keys.
size_t merge_scratch_bytes(int64_t count);
void merge_clusters(const NmsInput& input, const MergeParams& params, const NmsSorted& sorted, const NmsOutput& output,
                    int64_t* keys, void* scratch, void* stream);
void merge_means(const NmsInput& input, const MergeParams& params, const NmsSorted& sorted, const int64_t* keys,
                 const int64_t* ranks, const MergeOutput& output, void* scratch, void* stream);

// Where members propagate, instead of nms.
size_t nmm_scratch_bytes(int64_t count);
void nmm_pass(const NmsInput& input, const NmsParams& params, const NmsSorted& sorted, const NmsOutput& output,
              void* scratch, void* stream);
// After either, and merge_clusters (of kCluster), whose keys the caller has sorted as for merge_means.
void nmm_grow(const NmsInput& input, const NmsParams& params, const NmsSorted& sorted, const int64_t* keys,
              const int64_t* ranks, const NmmOutput& output, void* stream);

// Instead of nms. keys[i], of the type of sorted.keys: the caller sorts them, stably; `order` are the i along the
// sorted keys. *kept is 0 before, or kGroupIsNan.
size_t soft_scratch_bytes(int64_t count);
void soft_nms(const NmsInput& input, const SoftParams& params, const NmsSorted& sorted, int64_t* kept, void* keys,
              void* scratch, void* stream);
void soft_result(const NmsInput& input, const SoftParams& params, const NmsSorted& sorted, const int64_t* order,
                 const SoftOutput& output, void* scratch, void* stream);

// Instead of nms.
size_t fast_scratch_bytes(const NmsInput& input);  // of both shapes, as fast_nms
void fast_nms(const NmsInput& input, const NmsParams& params, const NmsSorted& sorted, const NmsOutput& output,
              void* scratch, void* stream);

// As soft_nms: the caller sorts the keys between the two; they write all of owner.
size_t matrix_scratch_bytes(int64_t count);
void matrix_nms(const NmsInput& input, const MatrixParams& params, const NmsSorted& sorted, int64_t* owner, void* keys,
                void* scratch, void* stream);
void matrix_result(const NmsInput& input, const MatrixParams& params, const void* keys, const int64_t* order,
                   const SoftOutput& output, void* scratch, void* stream);

// Instead of score_keys: the keys of the weighted scores, int64 if the boxes are float64, all others int32. *kept is 0
// before; kModelIsUnknown if a model is.
void wbf_keys(const WbfInput& input, const WbfParams& params, void* keys, int64_t* kept, void* stream);
// As soft_nms, with these keys.
size_t wbf_scratch_bytes(int64_t count);
void wbf(const WbfInput& input, const WbfParams& params, const NmsSorted& sorted, void* keys, void* scratch,
         void* stream);
void wbf_result(const WbfInput& input, const WbfParams& params, const NmsSorted& sorted, const int64_t* order,
                const WbfOutput& output, void* scratch, void* stream);

}  // namespace cuda
}  // namespace ptdet

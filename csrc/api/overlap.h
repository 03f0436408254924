// Overlaps of pairs of boxes: of all of two sets, or box by box (SPEC 2).
#pragma once

#include "api/common.h"

namespace ptdet {

struct OverlapParams {
  Metric metric = Metric::kIou;
  double epsilon = 0.0;        // added to the denominators of penalties
  double joint_epsilon = 0.0;  // added to the denominator of the overlap itself
};

// Are these types of coordinates? Unsigned integers of more bits, and bool, are not.
inline bool holds_coordinates(Type type) {
  return is_floating(type) || type == Type::kInt64 || type == Type::kInt32 || type == Type::kInt16 ||
         type == Type::kInt8 || type == Type::kUInt8;
}

// Overlaps are computed in float64 if a box is float64 or an integer, whose differences are exact there (SPEC 1).
inline Type computed_type(Type a, Type b) {
  const auto wide = [](Type t) { return t == Type::kFloat64 || !is_floating(t); };
  return wide(a) || wide(b) ? Type::kFloat64 : Type::kFloat32;
}
// Results are float64 only if a box is.
inline bool stored_wide(Type a, Type b) { return a == Type::kFloat64 || b == Type::kFloat64; }

// batch x rows x columns; a set of boxes is `batch` runs of rows.
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

// The gradients of the values; stride 0: one number for all.
struct LossGradient {
  const void* data = nullptr;
  int64_t stride = 0;
};

namespace cpu {
void pairwise_overlap(const PairwiseInput& input, void* out, const Host& host);
// Writes (batch, rows, 4) and (batch, columns, 4), contiguous, in the type of the gradient; null: not wanted.
void pairwise_overlap_backward(const PairwiseInput& input, const PairwiseGradient& gradient, void* slopes_a,
                               void* slopes_b, const Host& host);
void box_loss(const LossInput& input, const LossOutput& output, const Host& host);
// out = slopes times the gradient of their value, rows of 4: `count` of one side, or of both, one after the other.
void box_loss_backward(Type type, const LossGradient& gradient, const void* slopes, int64_t count, int sides, void* out,
                       const Host& host);
// The same of slopes that were not kept; null: not wanted.
void box_loss_gradient(const LossInput& input, const LossGradient& gradient, void* by_a, void* by_b, const Host& host);
}  // namespace cpu

namespace cuda {
void pairwise_overlap(const PairwiseInput& input, void* out, void* stream);
void pairwise_overlap_backward(const PairwiseInput& input, const PairwiseGradient& gradient, void* slopes_a,
                               void* slopes_b, void* stream);
void box_loss(const LossInput& input, const LossOutput& output, void* stream);
void box_loss_backward(Type type, const LossGradient& gradient, const void* slopes, int64_t count, int sides, void* out,
                       void* stream);
void box_loss_gradient(const LossInput& input, const LossGradient& gradient, void* by_a, void* by_b, void* stream);
}  // namespace cuda

}  // namespace ptdet

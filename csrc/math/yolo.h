// One row of a YOLO head (SPEC 4): centre x, centre y, width, height,
// objectness where the head has it, class values. `read(column)` gives the
// row's numbers in the type they are computed in.
#pragma once

#include "math/elementary.h"
#include "math/threshold.h"

namespace ptdet {

template <typename T>
struct YoloRule {
  int64_t classes;
  bool objectness;   // the head has the column
  bool logits;       // class values are taken through a sigmoid
  bool multi_label;  // every class above the bound is a candidate, not the best
                     // alone
  bool limited;      // is there a confidence to be above?
  T objectness_bound;
  T confidence_bound;
  double min_side, max_side;

  PTDET_HD int first_class() const { return objectness ? 5 : 4; }
};

// From the kernel API's structs. Host only; kernels receive the finished rule.
template <typename T, typename Input, typename Params>
YoloRule<T> yolo_rule(const Input& input, const Params& params) {
  YoloRule<T> rule;
  rule.classes = input.classes;
  rule.objectness = params.objectness;
  rule.logits = params.logits;
  rule.multi_label = params.multi_label;
  rule.limited = params.has_confidence_threshold;
  rule.objectness_bound = Threshold<T>::from(params.objectness_threshold, false).bound;
  rule.confidence_bound = Threshold<T>::from(params.confidence_threshold, false).bound;
  rule.min_side = params.min_side;
  rule.max_side = params.max_side;
  return rule;
}

template <typename T>
PTDET_HD T confidence(const YoloRule<T>& rule, T value, T objectness) {
  if (rule.logits) value = sigmoid(value);
  return rule.objectness ? value * objectness : value;
}

template <typename T>
PTDET_HD Box<T> corners(T x, T y, T w, T h) {
  return {x - w / T(2), y - h / T(2), x + w / T(2), y + h / T(2)};
}

template <typename T, typename Read>
PTDET_HD Box<T> corners_of(const Read& read) {
  return corners<T>(read(0), read(1), read(2), read(3));
}

template <typename T>
PTDET_HD bool is_finite(const Box<T>& b) {
  return is_finite(b.x1) && is_finite(b.y1) && is_finite(b.x2) && is_finite(b.y2);
}

// The first two filters: objectness, width and height.
template <typename T, typename Read>
PTDET_HD bool takes_part(const YoloRule<T>& rule, const Read& read) {
  if (rule.objectness && !(read(4) > rule.objectness_bound)) return false;
  const double w = static_cast<double>(read(2)), h = static_cast<double>(read(3));
  return w > rule.min_side && w < rule.max_side && h > rule.min_side && h < rule.max_side;
}

// No class value below it can be above the confidence bound. It may only err
// downwards: confidence decides.
template <typename T>
PTDET_HD T least_value(const YoloRule<T>& rule, T objectness) {
  const T none = -T(INFINITY);
  if (!rule.objectness) objectness = T(1);
  if (!rule.limited || !(objectness > T(0))) return none;
  const T wanted = rule.confidence_bound / objectness;
  if (!(wanted > T(1e-30))) return none;  // below, quotients lose their relative precision
  if (!rule.logits) return wanted * T(1 - 1e-5);
  const T share = wanted < T(0.9999) ? wanted : T(0.9999);  // near 1 the sigmoid is flat
  return std::log(share / (T(1) - share)) - T(0.01);
}

// No class value of a row below it can have the best confidence, if `most` is the largest of them (NaN: one is NaN).
template <typename T>
PTDET_HD T least_of_best(const YoloRule<T>& rule, T most, T objectness) {
  const bool in_proportion = !rule.logits && objectness > T(0) && most * objectness > T(1e-30);
  return in_proportion ? most * T(1 - 1e-5) : -T(INFINITY);
}

// For a row of which the largest class value is not known.
template <typename T, typename Read>
PTDET_HD T least_asked(const YoloRule<T>& rule, const Read& read) {
  return rule.multi_label ? least_value(rule, rule.objectness ? read(4) : T(1)) : -T(INFINITY);
}

// The candidates of one row that takes part, whose class values are shown to it by rising class.
template <typename T>
struct RowCandidates {
  T objectness;
  T best = -T(INFINITY);
  int64_t label = 0;

  PTDET_HD explicit RowCandidates(T of_object) : objectness(of_object) {}

  // Calls emit(class, confidence) if that is a candidate.
  template <typename Emit>
  PTDET_HD void show(const YoloRule<T>& rule, int64_t c, T value, const Emit& emit) {
    const T score = confidence(rule, value, objectness);
    if (!rule.multi_label) {
      if (score > best || score != score) best = score, label = c;  // a NaN, once there, stays
    } else if (is_finite(score) && (!rule.limited || score > rule.confidence_bound)) {
      emit(c, score);
    }
  }
  // After the last.
  template <typename Emit>
  PTDET_HD void finish(const YoloRule<T>& rule, const Emit& emit) const {
    if (!rule.multi_label && is_finite(best) && (!rule.limited || best > rule.confidence_bound)) emit(label, best);
  }
};

// Calls emit(class, confidence) for each candidate of a row that takes part, by rising class. Class values below
// `least` need not be looked at.
template <typename T, typename Read, typename Emit>
PTDET_HD void candidates_of(const YoloRule<T>& rule, const Read& read, T least, const Emit& emit) {
  if (rule.classes == 0 || !is_finite(corners_of<T>(read))) return;
  RowCandidates<T> row(rule.objectness ? read(4) : T(1));
  const int first = rule.first_class();
  for (int64_t c = 0; c < rule.classes; ++c) {
    const T value = read(first + c);
    if (value < least) continue;
    row.show(rule, c, value, emit);
  }
  row.finish(rule, emit);
}

}  // namespace ptdet

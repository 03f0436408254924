// What the names in a call stand for, for torch/ and numpy/.
#pragma once

#include <cstddef>
#include <string_view>

#include "api/api.h"

namespace ptdet {

template <typename T>
struct Name {
  std::string_view text;
  T value;
};

#define PTDET_ENTRY(enumerator, name, Measure) {name, Metric::enumerator},
constexpr Name<Metric> kMetrics[] = {PTDET_METRICS(PTDET_ENTRY)};
constexpr Name<Metric> kRotatedMetrics[] = {PTDET_ROTATED_METRICS(PTDET_ENTRY)};
#undef PTDET_ENTRY

constexpr Name<Members> kMembers[] = {{"cluster", Members::kCluster},
                                      {"overlapping", Members::kOverlapping},
                                      {"later", Members::kLater},
                                      {"best", Members::kBest}};

constexpr Name<bool> kWeightsByOverlap[] = {{"score", false}, {"score_overlap", true}};

constexpr Name<Decay> kDecays[] = {{"gaussian", Decay::kGaussian}, {"linear", Decay::kLinear}, {"hard", Decay::kHard}};

constexpr Name<Decay> kMatrixDecays[] = {{"gaussian", Decay::kGaussian}, {"linear", Decay::kLinear}};

constexpr Name<Confidence> kConfidences[] = {{"avg", Confidence::kAverage},
                                             {"max", Confidence::kMaximum},
                                             {"box_and_model_avg", Confidence::kBoxAndModel},
                                             {"absent_model_aware_avg", Confidence::kAbsentModelAware}};

// The methods of the YOLOv3 pipeline (SPEC 4).
struct Pipeline {
  YoloMethod method;
  Metric metric;
  bool inclusive, by_class;
};

constexpr Name<Pipeline> kPipelines[] = {{"vision", {YoloMethod::kHard, Metric::kIou, false, true}},
                                         {"vision_batch", {YoloMethod::kHard, Metric::kIou, false, false}},
                                         {"or", {YoloMethod::kHard, Metric::kIou, true, true}},
                                         {"and", {YoloMethod::kAnd, Metric::kIou, true, true}},
                                         {"merge", {YoloMethod::kMerge, Metric::kIou, false, true}},
                                         {"diounms", {YoloMethod::kHard, Metric::kDiou, true, true}},
                                         {"soft", {YoloMethod::kSoft, Metric::kIou, false, true}}};

constexpr double kSmallestSide = 2, kLargestSide = 4096;

inline DetectionParams pipeline_params(const Pipeline& pipeline, double conf_thres, double nms_thres, bool multi_label,
                                       int64_t max_per_class) {
  DetectionParams params;
  params.filter.logits = true;
  params.filter.multi_label = multi_label;
  params.filter.objectness_threshold = params.filter.confidence_threshold = conf_thres;
  params.filter.has_confidence_threshold = multi_label;
  params.filter.min_side = kSmallestSide;
  params.filter.max_side = kLargestSide;
  params.pass.iou_threshold = nms_thres;
  params.pass.metric = pipeline.metric;
  params.pass.inclusive = pipeline.inclusive;
  params.method = pipeline.method;
  params.by_class = pipeline.by_class;
  params.max_per_class = max_per_class;
  return params;
}

// False if no entry has this name.
template <typename T, size_t kCount>
bool find_name(const Name<T> (&names)[kCount], std::string_view text, T& value) {
  for (const Name<T>& name : names) {
    if (name.text != text) continue;
    value = name.value;
    return true;
  }
  return false;
}

}  // namespace ptdet

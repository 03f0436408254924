// What the names in a call stand for, for every room that is called with names.
#pragma once

#include <cstddef>
#include <string_view>

#include "kernels.h"

namespace ptdet {

template <typename T>
struct Name {
  std::string_view text;
  T value;
};

constexpr Name<Metric> kMetrics[] = {{"iou", Metric::kIou},   {"giou", Metric::kGiou}, {"diou", Metric::kDiou},
                                     {"ciou", Metric::kCiou}, {"iof", Metric::kIof},   {"ios", Metric::kIos}};

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

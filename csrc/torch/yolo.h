// The filter of a YOLO head.
#pragma once

#include <torch/csrc/stable/library.h>

#include <torch/csrc/stable/tensor.h>

#include <optional>
#include <string>
#include <tuple>

#include "torch/arguments.h"

namespace ptdet {

// boxes, scores, labels, images, rows, passed
using YoloTensors = std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor>;

inline YoloInput yolo_input(const Tensor& prediction, int64_t num_classes, bool objectness) {
  STD_TORCH_CHECK(prediction.dim() == 3, "ptdet: prediction must have shape (B, N, columns)");
  STD_TORCH_CHECK(num_classes >= 0 && num_classes < 0xffffffffll, "ptdet: num_classes must not be negative");
  STD_TORCH_CHECK(prediction.size(2) >= num_classes + (objectness ? 5 : 4), "ptdet: prediction has ",
                  prediction.size(2), " columns, too few for ", num_classes, " classes");
  STD_TORCH_CHECK(prediction.size(1) < 0xffffffffll, "ptdet: prediction must have fewer than 2^32 - 1 rows");
  return {
      prediction.const_data_ptr(), prediction.size(0),   prediction.size(1),   num_classes,
      prediction.stride(0),        prediction.stride(1), prediction.stride(2), float_type_of(prediction, "prediction")};
}

inline YoloParams yolo_params(bool objectness, bool logits, bool multi_label, double objectness_threshold,
                              std::optional<double> confidence_threshold, double min_side, double max_side) {
  STD_TORCH_CHECK(objectness_threshold == objectness_threshold, "ptdet: objectness_threshold must not be NaN");
  STD_TORCH_CHECK(!confidence_threshold || *confidence_threshold == *confidence_threshold,
                  "ptdet: confidence_threshold must not be NaN");
  STD_TORCH_CHECK(min_side == min_side && max_side == max_side, "ptdet: min_side and max_side must not be NaN");
  YoloParams params;
  params.objectness = objectness;
  params.logits = logits;
  params.multi_label = multi_label;
  params.objectness_threshold = objectness_threshold;
  params.has_confidence_threshold = confidence_threshold.has_value();
  params.confidence_threshold = confidence_threshold.value_or(0.0);
  params.min_side = min_side;
  params.max_side = max_side;
  return params;
}

inline void check_wanted(const std::optional<Tensor>& wanted, const Tensor& prediction, int64_t num_classes) {
  if (!wanted) return;
  check_device(*wanted, prediction, "wanted");
  STD_TORCH_CHECK(wanted->dim() == 1 && wanted->size(0) == num_classes && wanted->scalar_type() == ScalarType::Bool,
                  "ptdet: wanted must be bool of shape (", num_classes, ",)");
  STD_TORCH_CHECK(wanted->is_contiguous(), "ptdet: wanted must be contiguous");
}

struct YoloResult {
  Tensor boxes, scores, labels, images, rows;

  YoloResult(const Tensor& like, int64_t count, Type type)
      : boxes(torch::stable::new_empty(like, {count, 4},
                                       type == Type::kFloat64 ? ScalarType::Double : ScalarType::Float)),
        scores(torch::stable::new_empty(like, {count}, boxes.scalar_type())),
        labels(new_indices(like, &count, 1)),
        images(new_indices(like, &count, 1)),
        rows(new_indices(like, &count, 1)) {}

  YoloOutput pointers() const {
    return {boxes.mutable_data_ptr(), scores.mutable_data_ptr(), indices(labels), indices(images), indices(rows)};
  }
};

}  // namespace ptdet

namespace ptdet::operators {

template <typename Call>
YoloTensors yolo_filter(const Tensor& prediction, int64_t num_classes, bool objectness, bool logits, bool multi_label,
                        double objectness_threshold, Least confidence_threshold, double min_side, double max_side,
                        Index wanted) {
  const YoloInput input = yolo_input(prediction, num_classes, objectness);
  YoloParams params =
      yolo_params(objectness, logits, multi_label, objectness_threshold, confidence_threshold, min_side, max_side);
  check_wanted(wanted, prediction, num_classes);
  if (wanted) params.wanted = static_cast<const bool*>(wanted->const_data_ptr());
  const Call call(prediction);
  const Tensor passed = new_indices(prediction, &input.images, 1);
  const YoloResult found = yolo_candidates(input, params, indices(passed), call);
  call.finish();
  return {found.boxes, found.scores, found.labels, found.images, found.rows, passed};
}

template <typename Call>
void register_yolo(torch::stable::detail::StableLibrary& m) {
  m.impl("yolo_filter", TORCH_BOX(&yolo_filter<Call>));
}

}  // namespace ptdet::operators

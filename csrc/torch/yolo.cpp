#include "torch/yolo.h"

#include "torch/host.h"

namespace ptdet::cpu {

YoloTensors yolo_filter_op(const Tensor& prediction, int64_t num_classes, bool objectness, bool logits,
                           bool multi_label, double objectness_threshold, std::optional<double> confidence_threshold,
                           double min_side, double max_side, std::optional<Tensor> wanted) {
  const YoloInput input = yolo_input(prediction, num_classes, objectness);
  YoloParams params =
      yolo_params(objectness, logits, multi_label, objectness_threshold, confidence_threshold, min_side, max_side);
  check_wanted(wanted, prediction, num_classes);
  if (wanted) params.wanted = static_cast<const bool*>(wanted->const_data_ptr());

  const TorchHost host;
  const Tensor passed = new_indices(prediction, &input.images, 1);
  const YoloFound found = yolo_find(input, params, indices(passed), host.get());
  const YoloResult result(prediction, found.count, input.type);
  yolo_emit(input, found, result.pointers(), host.get());
  return {result.boxes, result.scores, result.labels, result.images, result.rows, passed};
}

}  // namespace ptdet::cpu

// From the output of a YOLO head to its detections in one call.
#include <cmath>

#include "torch/cpu_call.h"
#include "torch/yolo.h"

namespace ptdet::operators {
namespace {

using namespace cpu;

constexpr double kAnySide = INFINITY;

// found, num, passed
std::tuple<Tensor, Tensor, Tensor> detected(const Tensor& prediction, const YoloInput& input,
                                            const DetectionParams& params) {
  const Call call(prediction);
  const Tensor num = new_indices(prediction, &input.images, 1), passed = new_indices(prediction, &input.images, 1);
  const Detections found = yolo_detect(input, params, indices(num), indices(passed), call);
  STD_TORCH_CHECK(found.count != kScoreIsNegative, "ptdet: scores must not be negative");
  const int64_t first = input.classes + (params.filter.objectness ? 5 : 4), extra = prediction.size(2) - first;
  const bool wide = input.type == Type::kFloat64;
  const Tensor table =
      new_rows_of(wide ? aoti_torch_dtype_float64() : aoti_torch_dtype_float32(), prediction, found.count, 6 + extra);
  yolo_write(input, found, first, extra, table.mutable_data_ptr(), call);
  return {table, num, passed};
}

std::tuple<Tensor, Tensor> yolo_postprocess(const Tensor& prediction, int64_t num_classes, bool objectness, bool logits,
                                            bool multi_label, double conf_thres, double iou_thres, std::string metric,
                                            bool inclusive, bool agnostic, Limit max_det, Index wanted) {
  const YoloInput input = yolo_input(prediction, num_classes, objectness);
  STD_TORCH_CHECK(!max_det || *max_det >= 0, "ptdet: max_det must not be negative");
  check_wanted(wanted, prediction, num_classes);
  DetectionParams params;
  params.filter = yolo_params(objectness, logits, multi_label, conf_thres, conf_thres, -kAnySide, kAnySide);
  if (wanted) params.filter.wanted = static_cast<const bool*>(wanted->const_data_ptr());
  params.pass = nms_params(0, iou_thres, metric, inclusive, std::nullopt, std::nullopt);
  params.agnostic = agnostic;
  params.max_per_image = max_det.value_or(-1);
  const auto [found, num, passed] = detected(prediction, input, params);
  return {found, num};
}

std::tuple<Tensor, Tensor, Tensor> yolo_pipeline(const Tensor& prediction, double conf_thres, double nms_thres,
                                                 bool multi_label, std::string method, Limit max_per_class) {
  STD_TORCH_CHECK(prediction.dim() == 3 && prediction.size(2) >= 5, "ptdet: prediction must have shape (B, N, 5 + C)");
  Pipeline pipeline{};
  STD_TORCH_CHECK(find_name(kPipelines, method, pipeline), "ptdet: unknown method '", method, "'");
  STD_TORCH_CHECK(conf_thres == conf_thres && nms_thres == nms_thres, "ptdet: thresholds must not be NaN");
  STD_TORCH_CHECK(!max_per_class || *max_per_class >= 0, "ptdet: max_per_class must not be negative");
  const YoloInput input = yolo_input(prediction, prediction.size(2) - 5, true);
  return detected(prediction, input,
                  pipeline_params(pipeline, conf_thres, nms_thres, multi_label, max_per_class.value_or(-1)));
}

}  // namespace
}  // namespace ptdet::operators

STABLE_TORCH_LIBRARY_IMPL(ptdet, CPU, m) {
  m.impl("yolo_postprocess", TORCH_BOX(&ptdet::operators::yolo_postprocess));
  m.impl("yolo_pipeline", TORCH_BOX(&ptdet::operators::yolo_pipeline));
}

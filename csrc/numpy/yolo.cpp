#include <cmath>

#include "numpy/registration.h"
#include "numpy/unlocked.h"
#include "numpy/results.h"

namespace ptdet {
namespace {

// ptdet/numpy/_yolo.py checks the arguments; this repeats what memory safety needs.
YoloInput yolo_input(const Readable& given, int64_t num_classes, bool objectness) {
  given.expect_shape(given.dims() == 3, "(B, N, columns)");
  given.expect_floating();
  const int64_t columns = num_classes + (objectness ? 5 : 4);
  given.expect_shape(
      num_classes >= 0 && num_classes < 0xffffffffll && given.size(2) >= columns && given.size(1) < 0xffffffffll,
      "of at least " + std::to_string(columns) + " columns");
  return {given.data(),    given.size(0),   given.size(1),   num_classes,
          given.stride(0), given.stride(1), given.stride(2), given.type()};
}

struct Detected {
  py::array table;
  py::array_t<int64_t> num, passed;
};

Detected detected(const Readable& given, const YoloInput& input, const DetectionParams& params) {
  NumpyHost host;
  py::array_t<int64_t> num(input.images), passed(input.images);
  int64_t *counts = num.mutable_data(), *passing = passed.mutable_data();
  cpu::Detections found;
  {
    const Unlocked others_may_run;
    found = cpu::yolo_detect(input, params, counts, passing, host.get());
  }
  if (found.count == kScoreIsNegative) throw py::value_error("scores: expected numbers >= 0, got one below");
  const int64_t first = input.classes + (params.filter.objectness ? 5 : 4), extra = given.size(2) - first;
  py::array table(input.type == Type::kFloat64 ? py::dtype::of<double>() : py::dtype::of<float>(),
                  std::vector<py::ssize_t>{found.count, 6 + extra});
  void* rows = table.mutable_data();
  {
    const Unlocked others_may_run;
    cpu::yolo_write(input, found, first, extra, rows, host.get());
  }
  return {table, num, passed};
}

py::object yolo_postprocess(const py::object& prediction, int64_t num_classes, bool objectness, bool logits,
                            bool multi_label, const py::object& conf_thres, const py::object& iou_thres,
                            const py::object& metric, const py::object& inclusive, bool agnostic,
                            const py::object& max_det, const py::object& wanted) {
  const Readable given("prediction", prediction);
  const YoloInput input = yolo_input(given, num_classes, objectness);
  DetectionParams params;
  YoloParams& filter = params.filter;
  filter.objectness = objectness;
  filter.logits = logits;
  filter.multi_label = multi_label;
  filter.objectness_threshold = filter.confidence_threshold = number_of("conf_thres", conf_thres);
  filter.has_confidence_threshold = true;
  filter.min_side = -INFINITY;
  filter.max_side = INFINITY;
  params.pass.iou_threshold = number_of("iou_thres", iou_thres);
  params.pass.metric = named("metric", metric, kMetrics);
  params.pass.inclusive = flag_of("inclusive", inclusive);
  params.agnostic = agnostic;
  params.max_per_image = limit_of("max_det", max_det).value_or(-1);
  std::optional<py::array_t<bool, py::array::c_style>> labels_wanted;
  if (!wanted.is_none()) {
    labels_wanted = wanted.cast<py::array_t<bool, py::array::c_style>>();
    if (labels_wanted->ndim() != 1 || labels_wanted->shape(0) != num_classes)
      throw py::value_error("classes: expected one flag for each of " + std::to_string(num_classes) + " classes");
    filter.wanted = labels_wanted->data();
  }
  const Detected found = detected(given, input, params);
  return py::make_tuple(found.table, found.num);
}

py::object yolo_pipeline(const py::object& prediction, const py::object& conf_thres, const py::object& nms_thres,
                         bool multi_label, const py::object& method, const py::object& max_per_class) {
  const Readable given("prediction", prediction);
  given.expect_shape(given.dims() == 3 && given.size(2) >= 5, "(B, N, 5 + C)");
  const YoloInput input = yolo_input(given, given.size(2) - 5, true);
  const Detected found =
      detected(given, input,
               pipeline_params(named("method", method, kPipelines), number_of("conf_thres", conf_thres),
                               number_of("nms_thres", nms_thres), multi_label,
                               limit_of("max_per_class", max_per_class).value_or(-1)));
  return py::make_tuple(found.table, found.num, found.passed);
}

const Registration register_yolo([](py::module_& m) {
  m.def("yolo_postprocess", &yolo_postprocess);
  m.def("yolo_pipeline", &yolo_pipeline);
});

}  // namespace
}  // namespace ptdet

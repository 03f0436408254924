// Weighted boxes fusion: models (N,) int64, and the weights of the models (M,).
#include "numpy/registration.h"
#include "numpy/results.h"

namespace ptdet {
namespace {

// kNumbers: of a box.
template <int64_t kNumbers>
py::object wbf(const py::object& boxes, const py::object& scores, const py::object& idxs, const py::object& models,
               const py::object& weights, const py::object& iou_threshold, const py::object& conf_type,
               const py::object& allows_overflow) {
  const Candidates candidates(boxes, scores, idxs, kNumbers);
  const Readable of_boxes("models", models), of_models("weights", weights);
  of_boxes.expect_shape(
      of_boxes.dims() == 1 && of_boxes.size(0) == candidates.count() && of_boxes.type() == Type::kInt64,
      "one int64 a box");
  of_models.expect_shape(of_models.dims() == 1 && of_models.size(0) > 0 && of_models.is_floating(), "(M,), M > 0");
  WbfInput input;
  input.pass = candidates.input();
  input.models = {of_boxes.data(), of_boxes.stride(0), of_boxes.type()};
  input.weights = {of_models.data(), of_models.stride(0), of_models.type()};
  input.model_count = of_models.size(0);
  WbfParams params;
  params.pass.iou_threshold = number_of("iou_thr", iou_threshold);
  params.pass.max_output = candidates.count();
  params.confidence = named("conf_type", conf_type, kConfidences);
  params.allows_overflow = flag_of("allows_overflow", allows_overflow);
  NumpyHost host;
  PassMemory pass(host, candidates.count());
  void* fused = host.allocate<char>(candidates.count() * kNumbers * candidates.boxes.dtype().itemsize());
  void* confidences = host.allocate<char>(candidates.count() * candidates.scores.dtype().itemsize());
  {
    const Unlocked others_may_run;
    cpu::wbf(input, params, {pass.output(), fused, confidences}, host.get());
  }
  return py::make_tuple(new_array(candidates.boxes.dtype(), {pass.kept(), kNumbers}, fused),
                        new_array(candidates.scores.dtype(), {pass.kept()}, confidences), pass.keep(), pass.owner());
}

const Registration register_box_fusion([](py::module_& m) {
  m.def("wbf", &wbf<4>);
  m.def("rotated_wbf", &wbf<5>);
});

}  // namespace
}  // namespace ptdet

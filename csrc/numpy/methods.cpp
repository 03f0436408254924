// Merge, merging, soft, matrix and weighted boxes fusion: suppressions that change boxes or scores.
#include "numpy/results.h"
#include "numpy/suppression.h"

namespace ptdet {

py::object merge_nms_of_arrays(const py::object& boxes, const py::object& scores, const py::object& idxs,
                               const py::object& iou_threshold, const py::object& metric, const py::object& inclusive,
                               const py::object& score_threshold, const py::object& max_output,
                               const py::object& return_owner, const py::object& members, const py::object& weights) {
  const Candidates candidates(boxes, scores, idxs);
  const NmsInput input = candidates.input();
  const MergeParams params{nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output),
                           named("members", members, kMembers), named("weights", weights, kWeightsByOverlap)};
  const bool wants_owner = flag_of("return_owner", return_owner);
  NumpyHost host;
  WalkMemory walk(host, input.count);
  void* merged = host.allocate<char>(input.count * 4 * candidates.boxes.dtype().itemsize());
  {
    const Unlocked others_may_run;
    cpu::merge_nms(input, params, {walk.output(), merged}, host.get());
  }
  const py::array rows = new_array(candidates.boxes.dtype(), {walk.kept(), 4}, merged);
  if (wants_owner) return py::make_tuple(rows, walk.keep(), walk.owner());
  return py::make_tuple(rows, walk.keep());
}

py::object soft_nms_of_arrays(const py::object& boxes, const py::object& scores, const py::object& idxs,
                              const py::object& iou_threshold, const py::object& metric, const py::object& inclusive,
                              const py::object& score_threshold, const py::object& max_output,
                              const py::object& return_owner, const py::object& sigma, const py::object& min_score,
                              const py::object& kind, const py::object& reselect) {
  const Candidates candidates(boxes, scores, idxs);
  const NmsInput input = candidates.input();
  const SoftParams params{nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output),
                          positive_of("sigma", sigma), number_of("min_score", min_score), named("kind", kind, kDecays),
                          flag_of("reselect", reselect)};
  const bool wants_owner = flag_of("return_owner", return_owner);
  NumpyHost host;
  WalkMemory walk(host, input.count);
  void* decayed = host.allocate<char>(input.count * candidates.scores.dtype().itemsize());
  {
    const Unlocked others_may_run;
    cpu::soft_nms(input, params, {walk.output(), decayed}, host.get());
  }
  const py::array found = new_array(candidates.scores.dtype(), {walk.kept()}, decayed);
  if (wants_owner) return py::make_tuple(found, walk.keep(), walk.owner());
  return py::make_tuple(found, walk.keep());
}

py::object matrix_nms_of_arrays(const py::object& boxes, const py::object& scores, const py::object& idxs,
                                const py::object& metric, const py::object& score_threshold,
                                const py::object& max_output, const py::object& return_owner, const py::object& sigma,
                                const py::object& min_score, const py::object& kind) {
  const Candidates candidates(boxes, scores, idxs);
  const NmsInput input = candidates.input();
  const MatrixParams params{
      nms_params(input.count, py::float_(0.0), metric, py::bool_(false), score_threshold, max_output),
      positive_of("sigma", sigma), number_of("min_score", min_score), named("kind", kind, kMatrixDecays)};
  const bool wants_owner = flag_of("return_owner", return_owner);
  NumpyHost host;
  WalkMemory walk(host, input.count);
  void* decayed = host.allocate<char>(input.count * candidates.scores.dtype().itemsize());
  {
    const Unlocked others_may_run;
    cpu::matrix_nms(input, params, {walk.output(), decayed}, host.get());
  }
  const py::array found = new_array(candidates.scores.dtype(), {walk.kept()}, decayed);
  if (wants_owner) return py::make_tuple(found, walk.keep(), walk.owner());
  return py::make_tuple(found, walk.keep());
}

py::object merging_of_arrays(const py::object& boxes, const py::object& scores, const py::object& idxs,
                             const py::object& match_threshold, const py::object& metric, const py::object& inclusive,
                             const py::object& score_threshold, const py::object& max_output,
                             const py::object& return_owner, bool members_hand_on) {
  const Candidates candidates(boxes, scores, idxs);
  const NmsInput input = candidates.input();
  const MergingParams params{nms_params(input.count, match_threshold, metric, inclusive, score_threshold, max_output,
                                        "match_threshold"),
                             members_hand_on};
  const bool wants_owner = flag_of("return_owner", return_owner);
  NumpyHost host;
  WalkMemory walk(host, input.count);
  void* grown = host.allocate<char>(input.count * 4 * candidates.boxes.dtype().itemsize());
  {
    const Unlocked others_may_run;
    cpu::nmm(input, params, {walk.output(), grown, nullptr}, host.get());
  }
  const py::array rows = new_array(candidates.boxes.dtype(), {walk.kept(), 4}, grown);
  if (wants_owner) return py::make_tuple(rows, walk.keep(), walk.owner());
  return py::make_tuple(rows, walk.keep());
}

py::object wbf_of_arrays(const py::object& boxes, const py::object& scores, const py::object& idxs,
                         const py::object& models, const py::object& weights, const py::object& iou_threshold,
                         const py::object& conf_type, const py::object& allows_overflow) {
  const Candidates candidates(boxes, scores, idxs);
  const Readable of_boxes("models", models), of_models("weights", weights);
  of_boxes.expect_shape(
      of_boxes.dims() == 1 && of_boxes.size(0) == candidates.count() && of_boxes.type() == Type::kInt64,
      "one int64 a box");
  of_models.expect_shape(of_models.dims() == 1 && of_models.size(0) > 0 && of_models.is_floating(), "(M,), M > 0");
  WbfInput input;
  input.walk = candidates.input();
  input.models = {of_boxes.data(), of_boxes.stride(0), of_boxes.type()};
  input.weights = {of_models.data(), of_models.stride(0), of_models.type()};
  input.model_count = of_models.size(0);
  WbfParams params;
  params.walk.iou_threshold = number_of("iou_thr", iou_threshold);
  params.walk.max_output = candidates.count();
  params.confidence = named("conf_type", conf_type, kConfidences);
  params.allows_overflow = flag_of("allows_overflow", allows_overflow);
  NumpyHost host;
  WalkMemory walk(host, candidates.count());
  void* fused = host.allocate<char>(candidates.count() * 4 * candidates.boxes.dtype().itemsize());
  void* confidences = host.allocate<char>(candidates.count() * candidates.scores.dtype().itemsize());
  {
    const Unlocked others_may_run;
    cpu::wbf(input, params, {walk.output(), fused, confidences}, host.get());
  }
  return py::make_tuple(new_array(candidates.boxes.dtype(), {walk.kept(), 4}, fused),
                        new_array(candidates.scores.dtype(), {walk.kept()}, confidences), walk.keep(), walk.owner());
}

}  // namespace ptdet

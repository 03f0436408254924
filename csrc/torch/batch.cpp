#include "torch/batch.h"

#include <vector>

#include "torch/cpu_call.h"

namespace ptdet::cpu {

void fill_slots(const SlotsInput& input, const SlotsOutput& output, const Call& call) {
  STD_TORCH_CHECK(image_slots(input, output, call),
                  "ptdet: keep must point into groups, and groups lie in [0, num_images * num_classes)");
}

}  // namespace ptdet::cpu

// What CUDA composes of torch's own operators.
namespace ptdet::operators {
namespace {

using namespace cpu;

Tensor ragged_groups(const Tensor& images, Index idxs, int64_t num_images) {
  STD_TORCH_CHECK(images.dim() == 1, "ptdet: images must have shape (N,)");
  const int64_t count = images.size(0);
  STD_TORCH_CHECK(count < 0xffffffffll, "ptdet: images must be fewer than 2^32 - 1");
  STD_TORCH_CHECK(num_images >= 0 && num_images < int64_t{1} << 31, "ptdet: num_images must not be negative");
  Column ids;
  if (idxs) ids = column_of(*idxs, count, "idxs");
  const Tensor groups = new_indices(images, &count, 1);
  const Call call(images);
  const Ids found = ragged_groups(column_of(images, count, "images"), ids, count, num_images, indices(groups), call);
  STD_TORCH_CHECK(found != Ids::kImageIsUnknown, "ptdet: images must be integers in [0, num_images)");
  STD_TORCH_CHECK(found != Ids::kIdIsNan, "ptdet: idxs must not hold NaN");
  return groups;
}

std::tuple<Tensor, Tensor, Tensor> image_order(const Tensor& keep, const Tensor& images, int64_t num_images,
                                               Limit max_per_image, bool with_places) {
  STD_TORCH_CHECK(keep.dim() == 1 && keep.scalar_type() == ScalarType::Long && keep.is_contiguous(),
                  "ptdet: keep must be contiguous int64 of one dimension");
  STD_TORCH_CHECK(images.dim() == 1, "ptdet: images must have shape (N,)");
  STD_TORCH_CHECK(num_images >= 0 && num_images < int64_t{1} << 31, "ptdet: num_images must not be negative");
  STD_TORCH_CHECK(!max_per_image || *max_per_image >= 0, "ptdet: max_per_image must not be negative");
  const Column column = column_of(images, images.size(0), "images");
  const auto* entries = static_cast<const int64_t*>(keep.const_data_ptr());
  const Tensor num = new_indices(keep, &num_images, 1);
  const Call call(keep);
  const OrderFound found = image_order_find(entries, keep.size(0), column, images.size(0), num_images,
                                            max_per_image.value_or(-1), indices(num), call);
  STD_TORCH_CHECK(found.count >= 0, "ptdet: keep must point into images, and images be integers in [0, num_images)");
  const int64_t wanted = with_places ? found.count : 0;
  const Tensor places = new_indices(keep, &wanted, 1), chosen = new_indices(keep, &found.count, 1);
  image_order_emit(entries, keep.size(0), found, indices(num), num_images, with_places ? indices(places) : nullptr,
                   indices(chosen), call);
  return {places, chosen, num};
}

Tensor rows_at(const Tensor& values, const Tensor& places, int64_t padding) {
  STD_TORCH_CHECK(values.dim() == 1 || values.dim() == 2, "ptdet: values must have one or two dimensions");
  STD_TORCH_CHECK(places.scalar_type() == ScalarType::Long && places.is_contiguous(),
                  "ptdet: places must be contiguous int64");
  STD_TORCH_CHECK(padding == 0 || !is_floating(type_of(values, "values")), "ptdet: padding of floats must be 0");
  type_of(values, "values");
  const bool has_columns = values.dim() == 2;
  RowsInput input;
  input.data = values.const_data_ptr();
  input.count = values.size(0);
  input.columns = has_columns ? values.size(1) : 1;
  input.row_stride = values.stride(0);
  input.column_stride = has_columns ? values.stride(1) : 1;
  input.bytes = static_cast<int64_t>(values.element_size());
  std::vector<int64_t> shape;
  for (int64_t axis = 0; axis < places.dim(); ++axis) shape.push_back(places.size(axis));
  if (has_columns) shape.push_back(input.columns);
  const Tensor out = torch::stable::new_empty(values, shape);
  const Call call(values);
  STD_TORCH_CHECK(rows_at(input, static_cast<const int64_t*>(places.const_data_ptr()), places.numel(), padding,
                          out.mutable_data_ptr(), call),
                  "ptdet: places must be -1 or point into values");
  return out;
}

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor> class_candidates(const Tensor& boxes, const Tensor& scores,
                                                                            Least score_threshold) {
  STD_TORCH_CHECK(scores.dim() == 3, "ptdet: scores must have shape (B, N, C)");
  STD_TORCH_CHECK(!score_threshold || *score_threshold == *score_threshold, "ptdet: score_threshold must not be NaN");
  const bool per_class = boxes.dim() == 4;
  const int64_t numbers = boxes.dim() ? boxes.size(boxes.dim() - 1) : 0;
  STD_TORCH_CHECK((boxes.dim() == 3 || per_class) && (numbers == 4 || numbers == 5) &&
                      boxes.size(0) == scores.size(0) && boxes.size(1) == scores.size(1) &&
                      (!per_class || boxes.size(2) == scores.size(2)),
                  "ptdet: boxes must have shape (B, N, M) or (B, N, C, M), M 4 or 5");
  ClassScores own_scores;
  own_scores.data = scores.const_data_ptr();
  own_scores.type = float_type_of(scores, "scores");
  own_scores.images = scores.size(0);
  own_scores.rows = scores.size(1);
  own_scores.classes = scores.size(2);
  own_scores.image_stride = scores.stride(0);
  own_scores.row_stride = scores.stride(1);
  own_scores.class_stride = scores.stride(2);
  own_scores.has_threshold = score_threshold.has_value();
  own_scores.threshold = score_threshold.value_or(0.0);
  const ClassBoxes own_boxes{
      boxes.const_data_ptr(),          float_type_of(boxes, "boxes"),   boxes.stride(0), boxes.stride(1),
      per_class ? boxes.stride(2) : 0, boxes.stride(per_class ? 3 : 2), numbers};
  const Call call(scores);
  const ClassesFound found = class_candidates_find(own_scores, call);
  const Tensor of_boxes = new_rows(boxes, found.count, numbers), of_scores = new_rows(scores, found.count, 1);
  const Tensor groups = new_indices(boxes, &found.count, 1), images = new_indices(boxes, &found.count, 1),
               labels = new_indices(boxes, &found.count, 1), rows = new_indices(boxes, &found.count, 1);
  class_candidates_emit(own_scores, own_boxes, found,
                        {of_boxes.mutable_data_ptr(), of_scores.mutable_data_ptr(), indices(groups), indices(images),
                         indices(labels), indices(rows)},
                        call);
  return {of_boxes, of_scores, groups, images, labels, rows};
}

}  // namespace
}  // namespace ptdet::operators

STABLE_TORCH_LIBRARY_IMPL(ptdet, CPU, m) {
  ptdet::operators::register_batch<ptdet::cpu::Call>(m);
  m.impl("ragged_groups", TORCH_BOX(&ptdet::operators::ragged_groups));
  m.impl("image_order", TORCH_BOX(&ptdet::operators::image_order));
  m.impl("rows_at", TORCH_BOX(&ptdet::operators::rows_at));
  m.impl("class_candidates", TORCH_BOX(&ptdet::operators::class_candidates));
}

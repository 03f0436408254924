// Overlaps of rotated boxes: of all pairs of two sets, or box by box.
#pragma once

#include <torch/csrc/stable/library.h>

#include <tuple>

#include "torch/overlap.h"

namespace ptdet::operators {

constexpr int64_t kRotatedNumbers = 5;

template <typename Call>
Tensor rotated_pairwise_overlap(const Tensor& boxes1, const Tensor& boxes2, std::string kind) {
  const Call call(boxes1);
  Matrix matrix(boxes1, boxes2, {named("kind", kind, kRotatedMetrics), 0, 0}, kRotatedNumbers);
  const Tensor out = matrix.allocate(matrix.input.rows, matrix.input.columns);
  const int64_t bytes = matrix.bytes() * matrix.input.rows * matrix.input.columns;
  matrix.for_each([&](const PairwiseInput& input, int64_t before) {
    rotated_pairwise_overlap(input, bytes_of(out, bytes * before), call);
  });
  call.finish();
  return out;
}

// Two tensors (*batch, 5).
struct RotatedRows {
  int64_t dims;  // of the batch
  Runs runs;
  RotatedPairs input;
  std::array<int64_t, 66> sizes{};  // of the batch, with room for one more
  bool wide;

  RotatedRows(const Tensor& boxes1, const Tensor& boxes2, const std::string& kind)
      : dims(checked_batch(boxes1, boxes2)), runs(boxes1, boxes2, dims), wide(is_double(boxes1) || is_double(boxes2)) {
    input.count = runs.size();
    input.metric = named("kind", kind, kRotatedMetrics);
    for (int64_t d = 0; d < dims; ++d) sizes[static_cast<size_t>(d)] = boxes1.size(d);
    sizes[static_cast<size_t>(dims)] = kRotatedNumbers;
  }

  static int64_t checked_batch(const Tensor& boxes1, const Tensor& boxes2) {
    check_boxes(boxes1, 1, "boxes1", kRotatedNumbers);
    check_boxes(boxes2, 1, "boxes2", kRotatedNumbers);
    STD_TORCH_CHECK(boxes2.dim() == boxes1.dim(), "ptdet: boxes1 and boxes2 must have equal shapes");
    return boxes1.dim() - 1;
  }

  int64_t bytes() const { return wide ? 8 : 4; }

  // f(input, pairs before) once a run.
  template <typename F>
  void for_each(const Tensor& boxes1, const Tensor& boxes2, F&& f) {
    runs.for_each([&](int64_t a, int64_t b, int64_t before) {
      input.a = boxes_from(boxes1, a, runs.a_stride(), "boxes1");
      input.b = boxes_from(boxes2, b, runs.b_stride(), "boxes2");
      f(static_cast<const RotatedPairs&>(input), before);
    });
  }
};

template <typename Call>
Tensor rotated_overlap(const Tensor& boxes1, const Tensor& boxes2, std::string kind) {
  const Call call(boxes1);
  RotatedRows rows(boxes1, boxes2, kind);
  const Tensor out = new_floats(boxes1, rows.sizes.data(), rows.dims, rows.wide);
  rows.for_each(boxes1, boxes2, [&](const RotatedPairs& input, int64_t before) {
    rotated_overlap(input, bytes_of(out, rows.bytes() * before), call);
  });
  call.finish();
  return out;
}

template <typename Call>
std::tuple<Tensor, Tensor> rotated_overlap_backward(const Tensor& grad, const Tensor& boxes1, const Tensor& boxes2,
                                                    std::string kind, bool wanted1, bool wanted2) {
  const Call call(boxes1);
  RotatedRows rows(boxes1, boxes2, kind);
  STD_TORCH_CHECK(grad.dim() == rows.dims, "ptdet: grad must have the shape of the overlaps");
  for (int64_t d = 0; d < rows.dims; ++d)
    STD_TORCH_CHECK(grad.size(d) == boxes1.size(d), "ptdet: grad must have the shape of the overlaps");
  STD_TORCH_CHECK(grad.scalar_type() == (rows.wide ? ScalarType::Double : ScalarType::Float),
                  "ptdet: grad must have the dtype of the overlaps");
  check_device(grad, boxes1, "grad");
  bool constant = true;  // the gradient of a sum or a mean
  for (int64_t d = 0; d < grad.dim(); ++d) constant = constant && (grad.stride(d) == 0 || grad.size(d) == 1);
  const Tensor ready = constant ? grad : torch::stable::contiguous(grad);
  const int64_t none = 0;
  const auto made = [&](bool wanted) {
    return wanted ? new_floats(boxes1, rows.sizes.data(), rows.dims + 1, rows.wide)
                  : new_floats(boxes1, &none, 1, rows.wide);
  };
  const Tensor slopes1 = made(wanted1), slopes2 = made(wanted2);
  rows.for_each(boxes1, boxes2, [&](const RotatedPairs& input, int64_t before) {
    const int64_t offset = rows.bytes() * before;
    const char* gradient = static_cast<const char*>(ready.const_data_ptr()) + (constant ? 0 : offset);
    rotated_overlap_backward(input, gradient, constant ? 0 : 1,
                             wanted1 ? bytes_of(slopes1, kRotatedNumbers * offset) : nullptr,
                             wanted2 ? bytes_of(slopes2, kRotatedNumbers * offset) : nullptr, call);
  });
  call.finish();
  return {slopes1, slopes2};
}

template <typename Call>
void register_rotated_overlap(torch::stable::detail::StableLibrary& m) {
  m.impl("rotated_pairwise_overlap", TORCH_BOX(&rotated_pairwise_overlap<Call>));
  m.impl("rotated_overlap", TORCH_BOX(&rotated_overlap<Call>));
  m.impl("rotated_overlap_backward", TORCH_BOX(&rotated_overlap_backward<Call>));
}

}  // namespace ptdet::operators

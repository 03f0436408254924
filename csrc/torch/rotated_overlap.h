// Overlaps of rotated boxes: of all pairs of two sets, or box by box.
#pragma once

#include <torch/csrc/stable/library.h>

#include "torch/overlap.h"

namespace ptdet::operators {

constexpr int64_t kRotatedNumbers = 5;

template <typename Call>
Tensor rotated_pairwise_overlap(const Tensor& boxes1, const Tensor& boxes2, std::string kind) {
  const Call call(boxes1);
  Matrix matrix(boxes1, boxes2, kind, 0, 0, kRotatedNumbers);
  check_area_metric(matrix.input.params.metric);
  const Tensor out = matrix.allocate(matrix.input.rows, matrix.input.columns);
  const int64_t bytes = matrix.bytes() * matrix.input.rows * matrix.input.columns;
  matrix.for_each([&](const PairwiseInput& input, int64_t before) {
    rotated_pairwise_overlap(input, bytes_of(out, bytes * before), call);
  });
  call.finish();
  return out;
}

template <typename Call>
Tensor rotated_overlap(const Tensor& boxes1, const Tensor& boxes2, std::string kind) {
  const Call call(boxes1);
  check_boxes(boxes1, 1, "boxes1", kRotatedNumbers);
  check_boxes(boxes2, 1, "boxes2", kRotatedNumbers);
  const int64_t dims = boxes1.dim() - 1;
  STD_TORCH_CHECK(boxes2.dim() == dims + 1, "ptdet: boxes1 and boxes2 must have equal shapes");
  const Runs runs(boxes1, boxes2, dims);
  RotatedPairs input;
  input.count = runs.size();
  input.metric = named("kind", kind, kMetrics);
  check_area_metric(input.metric);
  std::array<int64_t, 66> sizes{};
  for (int64_t d = 0; d < dims; ++d) sizes[static_cast<size_t>(d)] = boxes1.size(d);
  const bool wide = is_double(boxes1) || is_double(boxes2);
  const Tensor out = new_floats(boxes1, sizes.data(), dims, wide);
  runs.for_each([&](int64_t a, int64_t b, int64_t before) {
    input.a = boxes_from(boxes1, a, runs.a_stride(), "boxes1");
    input.b = boxes_from(boxes2, b, runs.b_stride(), "boxes2");
    rotated_overlap(input, bytes_of(out, (wide ? 8 : 4) * before), call);
  });
  call.finish();
  return out;
}

template <typename Call>
void register_rotated_overlap(torch::stable::detail::StableLibrary& m) {
  m.impl("rotated_pairwise_overlap", TORCH_BOX(&rotated_pairwise_overlap<Call>));
  m.impl("rotated_overlap", TORCH_BOX(&rotated_overlap<Call>));
}

}  // namespace ptdet::operators

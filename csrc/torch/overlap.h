// Overlaps of all pairs of two sets.
#pragma once

#include <torch/csrc/stable/library.h>

#include <tuple>

#include "torch/box_pairs.h"
#include "torch/huge_pages.h"

namespace ptdet {

// Two tensors (*batch, N, 4) and (*batch, M, 4), or of boxes of more numbers.
struct Matrix {
  const Tensor& boxes1;
  const Tensor& boxes2;
  int64_t dims;  // of the batch
  Runs runs;
  PairwiseInput input;
  std::array<int64_t, 66> sizes;  // of the batch, with room for two more

  Matrix(const Tensor& first, const Tensor& second, const OverlapParams& params, int64_t numbers = 4)
      : boxes1(first), boxes2(second), dims(checked_batch(first, second, numbers)), runs(first, second, dims) {
    input.batch = runs.size();
    input.rows = boxes1.size(dims);
    input.columns = boxes2.size(dims);
    input.a_batch_stride = runs.a_stride();
    input.b_batch_stride = runs.b_stride();
    input.params = params;
    for (int64_t d = 0; d < dims; ++d) sizes[static_cast<size_t>(d)] = boxes1.size(d);
  }

  static int64_t checked_batch(const Tensor& first, const Tensor& second, int64_t numbers) {
    check_boxes(first, 2, "boxes1", numbers);
    check_boxes(second, 2, "boxes2", numbers);
    STD_TORCH_CHECK(first.dim() == second.dim(), "ptdet: boxes1 and boxes2 must have equal leading dimensions");
    return first.dim() - 2;
  }

  bool wide() const { return is_double(boxes1) || is_double(boxes2); }
  int64_t bytes() const { return wide() ? 8 : 4; }

  Tensor allocate(int64_t rows, int64_t columns) {
    sizes[static_cast<size_t>(dims)] = rows;
    sizes[static_cast<size_t>(dims + 1)] = columns;
    const Tensor matrix = new_floats(boxes1, sizes.data(), dims + 2, wide());
    prefer_large_pages(matrix);
    return matrix;
  }

  // f(input, matrices before) once a run.
  template <typename F>
  void for_each(F&& f) {
    runs.for_each([&](int64_t a, int64_t b, int64_t before) {
      input.a = boxes_from(boxes1, a, boxes1.stride(dims), "boxes1");
      input.b = boxes_from(boxes2, b, boxes2.stride(dims), "boxes2");
      f(static_cast<const PairwiseInput&>(input), before);
    });
  }
};

inline char* bytes_of(const Tensor& t, int64_t offset) { return static_cast<char*>(t.mutable_data_ptr()) + offset; }

}  // namespace ptdet

namespace ptdet::operators {

template <typename Call>
Tensor pairwise_overlap(const Tensor& boxes1, const Tensor& boxes2, std::string kind, double eps, double joint_eps) {
  const Call call(boxes1);
  Matrix matrix(boxes1, boxes2, overlap_params(kind, eps, joint_eps));
  const Tensor out = matrix.allocate(matrix.input.rows, matrix.input.columns);
  const int64_t bytes = matrix.bytes() * matrix.input.rows * matrix.input.columns;
  matrix.for_each([&](const PairwiseInput& input, int64_t before) {
    pairwise_overlap(input, bytes_of(out, bytes * before), call);
  });
  call.finish();
  return out;
}

template <typename Call>
std::tuple<Tensor, Tensor> pairwise_overlap_backward(const Tensor& grad, const Tensor& boxes1, const Tensor& boxes2,
                                                     std::string kind, double eps, double joint_eps, bool wanted1,
                                                     bool wanted2) {
  const Call call(boxes1);
  Matrix matrix(boxes1, boxes2, overlap_params(kind, eps, joint_eps));
  float_type_of(boxes1, "boxes1");
  float_type_of(boxes2, "boxes2");
  STD_TORCH_CHECK(grad.dim() == matrix.dims + 2 && grad.size(matrix.dims) == matrix.input.rows &&
                      grad.size(matrix.dims + 1) == matrix.input.columns,
                  "ptdet: grad must have shape (*batch, N, M)");
  for (int64_t d = 0; d < matrix.dims; ++d)
    STD_TORCH_CHECK(grad.size(d) == boxes1.size(d), "ptdet: grad must have shape (*batch, N, M)");
  STD_TORCH_CHECK(grad.scalar_type() == (matrix.wide() ? ScalarType::Double : ScalarType::Float),
                  "ptdet: grad must have the dtype of the overlaps");
  STD_TORCH_CHECK(
      grad.get_device_index() == boxes1.get_device_index() && grad.device().type() == boxes1.device().type(),
      "ptdet: grad must be on the device of the boxes");
  bool constant = true;  // the gradient of a sum or a mean
  for (int64_t d = 0; d < grad.dim(); ++d) constant = constant && (grad.stride(d) == 0 || grad.size(d) == 1);
  const Tensor ready = constant ? grad : torch::stable::contiguous(grad);
  PairwiseGradient gradient;
  gradient.one_a_row = constant;
  gradient.row_stride = constant ? 0 : matrix.input.columns;
  gradient.batch_stride = constant ? 0 : matrix.input.rows * matrix.input.columns;

  const int64_t none = 0;
  const Tensor slopes1 = wanted1 ? matrix.allocate(matrix.input.rows, 4) : new_floats(boxes1, &none, 1, matrix.wide());
  const Tensor slopes2 =
      wanted2 ? matrix.allocate(matrix.input.columns, 4) : new_floats(boxes1, &none, 1, matrix.wide());
  const int64_t bytes = matrix.bytes();
  matrix.for_each([&](const PairwiseInput& input, int64_t before) {
    gradient.data = static_cast<const char*>(ready.const_data_ptr()) + bytes * before * gradient.batch_stride;
    pairwise_overlap_backward(input, gradient, wanted1 ? bytes_of(slopes1, 4 * bytes * before * input.rows) : nullptr,
                              wanted2 ? bytes_of(slopes2, 4 * bytes * before * input.columns) : nullptr, call);
  });
  call.finish();
  return {slopes1, slopes2};
}

template <typename Call>
void register_overlap(torch::stable::detail::StableLibrary& m) {
  m.impl("pairwise_overlap", TORCH_BOX(&pairwise_overlap<Call>));
  m.impl("pairwise_overlap_backward", TORCH_BOX(&pairwise_overlap_backward<Call>));
}

}  // namespace ptdet::operators

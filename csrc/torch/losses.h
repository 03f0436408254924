// Overlaps and losses, pair by pair.
#pragma once

#include <torch/csrc/stable/library.h>

#include <tuple>

#include "torch/box_pairs.h"

namespace ptdet {

inline unsigned penalties_of(const std::string& base) {
  if (base == "iou") return 0;
  if (base == "giou") return kHull;
  if (base == "diou") return kDistance;
  if (base == "ciou") return kDistance | kAspect;
  if (base == "eiou") return kDistance | kSides;
  if (base == "siou") return kAngledDistance | kShape;
  if (base == "mpdiou") return kCorners;
  STD_TORCH_CHECK(false, "ptdet: unknown base '", base, "'");
}

inline LossParams loss_params(const std::string& kind, double eps, double joint_eps, bool similarity, double power,
                              double scale, const std::string& base) {
  STD_TORCH_CHECK(eps >= 0 && joint_eps >= 0, "ptdet: eps must not be negative or NaN");
  STD_TORCH_CHECK(power == power && scale == scale, "ptdet: power and scale must not be NaN");
  LossParams params;
  params.power = power;
  params.scale = scale;
  params.overlap.epsilon = params.overlap.joint_epsilon = eps;
  if (similarity) {
    params.loss = Loss::kMeasure;
    params.overlap = overlap_params(kind, eps, joint_eps);
  } else if (kind == "iou" || kind == "giou" || kind == "diou" || kind == "ciou") {
    params.loss = Loss::kComplement;
    params.overlap.metric = named("kind", kind, kMetrics);
  } else if (kind == "focal_eiou") {
    params.loss = Loss::kFocal;
    params.penalties = penalties_of("eiou");
  } else if (kind == "alpha_iou") {
    params.loss = Loss::kPowered;
    params.penalties = penalties_of(base);
  } else if (kind == "inner_iou") {
    params.loss = Loss::kInner;
    params.penalties = penalties_of(base);
  } else if (kind == "nwd") {
    params.loss = Loss::kWasserstein;
  } else if (kind == "wiou_v1") {
    params.loss = Loss::kWise;
  } else {
    params.loss = Loss::kPlain;
    params.penalties = penalties_of(kind);
  }
  STD_TORCH_CHECK(params.loss != Loss::kPowered || params.penalties < kSides, "ptdet: alpha_iou of base '", base, "'");
  return params;
}

}  // namespace ptdet

namespace ptdet::operators {

template <typename Call>
std::tuple<Tensor, Tensor> graded_box_loss(const Tensor& boxes1, const Tensor& boxes2, std::string kind, double eps,
                                           double joint_eps, bool similarity, bool slopes1, bool slopes2, double power,
                                           double scale, std::string base) {
  const Call call(boxes1);
  check_boxes(boxes1, 1, "boxes1");
  check_boxes(boxes2, 1, "boxes2");
  const int64_t dims = boxes1.dim() - 1;
  STD_TORCH_CHECK(boxes2.dim() == dims + 1, "ptdet: boxes1 and boxes2 must have equal shapes");
  const Runs runs(boxes1, boxes2, dims);
  LossInput input;
  input.count = runs.size();
  input.params = loss_params(kind, eps, joint_eps, similarity, power, scale, base);

  const bool wide = is_double(boxes1) || is_double(boxes2);
  STD_TORCH_CHECK(
      !(slopes1 || slopes2) || (is_floating(type_of(boxes1, "boxes1")) && is_floating(type_of(boxes2, "boxes2"))),
      "ptdet: boxes of integers have no slopes");
  std::array<int64_t, 66> sizes{2};  // of the slopes of both: 2, *batch, 4
  for (int64_t d = 0; d < dims; ++d) sizes[static_cast<size_t>(d + 1)] = boxes1.size(d);
  sizes[static_cast<size_t>(dims + 1)] = 4;
  const Tensor value = new_floats(boxes1, sizes.data() + 1, dims, wide);
  const int64_t none = 0;
  const Tensor slopes = slopes1 && slopes2   ? new_floats(boxes1, sizes.data(), dims + 2, wide)
                        : slopes1 || slopes2 ? new_floats(boxes1, sizes.data() + 1, dims + 1, wide)
                                             : new_floats(boxes1, &none, 1, wide);

  const int64_t bytes = wide ? 8 : 4;
  char* const first = static_cast<char*>(slopes.mutable_data_ptr());
  char* const second = first + (slopes1 ? 4 * bytes * runs.total() : 0);
  runs.for_each([&](int64_t a, int64_t b, int64_t before) {
    input.a = boxes_from(boxes1, a, runs.a_stride(), "boxes1");
    input.b = boxes_from(boxes2, b, runs.b_stride(), "boxes2");
    box_loss(input,
             {static_cast<char*>(value.mutable_data_ptr()) + bytes * before,
              slopes1 ? first + 4 * bytes * before : nullptr, slopes2 ? second + 4 * bytes * before : nullptr},
             call);
  });
  call.finish();
  return {value, slopes};
}

template <typename Call>
Tensor graded_box_loss_backward(const Tensor& grad, const Tensor& slopes) {
  const Call call(grad);
  const int64_t dims = grad.dim(), before = slopes.dim() - dims - 1;
  STD_TORCH_CHECK((before == 0 || (before == 1 && slopes.size(0) == 2)) && slopes.size(slopes.dim() - 1) == 4,
                  "ptdet: slopes must have shape (*grad.shape, 4) or (2, *grad.shape, 4)");
  STD_TORCH_CHECK(slopes.is_contiguous(), "ptdet: slopes must be contiguous");
  STD_TORCH_CHECK(bytes_of(float_type_of(slopes, "slopes")) >= 4 && grad.scalar_type() == slopes.scalar_type(),
                  "ptdet: grad and slopes must both be float32 or both float64");
  STD_TORCH_CHECK(
      grad.get_device_index() == slopes.get_device_index() && grad.device().type() == slopes.device().type(),
      "ptdet: grad and slopes must be on one device");
  int64_t count = 1;
  bool constant = true;  // the gradient of a sum or a mean
  for (int64_t d = 0; d < dims; ++d) {
    STD_TORCH_CHECK(grad.size(d) == slopes.size(before + d), "ptdet: slopes must have grad's leading dimensions");
    constant = constant && (grad.stride(d) == 0 || grad.size(d) == 1);
    count *= grad.size(d);
  }
  std::array<int64_t, 66> sizes;
  for (int64_t d = 0; d < slopes.dim(); ++d) sizes[static_cast<size_t>(d)] = slopes.size(d);
  const bool wide = is_double(slopes);
  const Tensor out = new_floats(slopes, sizes.data(), slopes.dim(), wide);
  const Tensor ready = constant || grad.is_contiguous() ? grad : torch::stable::contiguous(grad);
  const int64_t bytes = 4 * count * (wide ? 8 : 4);
  for (int64_t i = 0; i <= before; ++i)
    box_loss_backward(wide ? Type::kFloat64 : Type::kFloat32, ready.const_data_ptr(), constant ? 0 : 1,
                      static_cast<const char*>(slopes.const_data_ptr()) + i * bytes, count,
                      static_cast<char*>(out.mutable_data_ptr()) + i * bytes, call);
  call.finish();
  return out;
}

template <typename Call>
void register_losses(torch::stable::detail::StableLibrary& m) {
  m.impl("graded_box_loss", TORCH_BOX(&graded_box_loss<Call>));
  m.impl("graded_box_loss_backward", TORCH_BOX(&graded_box_loss_backward<Call>));
}

}  // namespace ptdet::operators

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

// A gradient of values, as its kernels ask for it: one number for all (of a sum or a mean), or one beside the other.
class ValueGradient {
 public:
  explicit ValueGradient(const Tensor& grad) : count_(1), constant_(true) {
    for (int64_t d = 0; d < grad.dim(); ++d) {
      constant_ = constant_ && (grad.stride(d) == 0 || grad.size(d) == 1);
      count_ *= grad.size(d);
    }
    ready_ = constant_ || grad.is_contiguous() ? grad : torch::stable::contiguous(grad);
  }
  int64_t count() const { return count_; }
  LossGradient from(int64_t first) const {
    const int64_t bytes = is_double(ready_) ? 8 : 4;
    return {static_cast<const char*>(ready_.const_data_ptr()) + (constant_ ? 0 : bytes * first), constant_ ? 0 : 1};
  }

 private:
  int64_t count_;
  bool constant_;
  Tensor ready_;
};

// Pairs of boxes, and where the slopes of each side go: (2, *batch, 4) for both, (*batch, 4) for one, else (0,).
class GradedPairs {
 public:
  GradedPairs(const Tensor& boxes1, const Tensor& boxes2, const LossParams& params, bool slopes1, bool slopes2)
      : boxes1_(boxes1),
        boxes2_(boxes2),
        runs_(checked(boxes1, boxes2), boxes2, boxes1.dim() - 1),
        slopes1_(slopes1),
        slopes2_(slopes2),
        wide_(is_double(boxes1) || is_double(boxes2)) {
    STD_TORCH_CHECK(
        !(slopes1 || slopes2) || (is_floating(type_of(boxes1, "boxes1")) && is_floating(type_of(boxes2, "boxes2"))),
        "ptdet: boxes of integers have no slopes");
    input_.count = runs_.size();
    input_.params = params;
    sizes_[0] = 2;
    for (int64_t d = 0; d < boxes1.dim(); ++d) sizes_[static_cast<size_t>(d + 1)] = boxes1.size(d);
  }

  bool wide() const { return wide_; }
  int64_t bytes() const { return wide_ ? 8 : 4; }
  Tensor new_value() const { return new_floats(boxes1_, sizes_.data() + 1, boxes1_.dim() - 1, wide_); }
  Tensor new_slopes() const {
    const int64_t none = 0;
    if (slopes1_ && slopes2_) return new_floats(boxes1_, sizes_.data(), boxes1_.dim() + 1, wide_);
    if (slopes1_ || slopes2_) return new_floats(boxes1_, sizes_.data() + 1, boxes1_.dim(), wide_);
    return new_floats(boxes1_, &none, 1, wide_);
  }

  // f(input, pairs before, slopes of box a, of box b) for each run.
  template <typename F>
  void for_each(const Tensor& slopes, F&& f) {
    char* const first = static_cast<char*>(slopes.mutable_data_ptr());
    char* const second = first + (slopes1_ ? 4 * bytes() * runs_.total() : 0);
    runs_.for_each([&](int64_t a, int64_t b, int64_t before) {
      input_.a = boxes_from(boxes1_, a, runs_.a_stride(), "boxes1");
      input_.b = boxes_from(boxes2_, b, runs_.b_stride(), "boxes2");
      f(input_, before, slopes1_ ? first + 4 * bytes() * before : nullptr,
        slopes2_ ? second + 4 * bytes() * before : nullptr);
    });
  }

 private:
  static const Tensor& checked(const Tensor& boxes1, const Tensor& boxes2) {
    check_boxes(boxes1, 1, "boxes1");
    check_boxes(boxes2, 1, "boxes2");
    STD_TORCH_CHECK(boxes2.dim() == boxes1.dim(), "ptdet: boxes1 and boxes2 must have equal shapes");
    return boxes1;
  }

  const Tensor &boxes1_, &boxes2_;
  Runs runs_;
  bool slopes1_, slopes2_, wide_;
  LossInput input_;
  std::array<int64_t, 66> sizes_;  // of the slopes of both
};

template <typename Call>
std::tuple<Tensor, Tensor> graded_box_loss(const Tensor& boxes1, const Tensor& boxes2, std::string kind, double eps,
                                           double joint_eps, bool similarity, bool slopes1, bool slopes2, double power,
                                           double scale, std::string base) {
  const Call call(boxes1);
  GradedPairs pairs(boxes1, boxes2, loss_params(kind, eps, joint_eps, similarity, power, scale, base), slopes1,
                    slopes2);
  const Tensor value = pairs.new_value(), slopes = pairs.new_slopes();
  char* const values = static_cast<char*>(value.mutable_data_ptr());
  pairs.for_each(slopes, [&](const LossInput& input, int64_t before, void* by_a, void* by_b) {
    box_loss(input, {values + pairs.bytes() * before, by_a, by_b}, call);
  });
  call.finish();
  return {value, slopes};
}

// The gradients of the boxes, without slopes that were kept.
template <typename Call>
Tensor graded_box_loss_gradient(const Tensor& grad, const Tensor& boxes1, const Tensor& boxes2, std::string kind,
                                double eps, double joint_eps, bool similarity, bool wanted1, bool wanted2, double power,
                                double scale, std::string base) {
  const Call call(grad);
  GradedPairs pairs(boxes1, boxes2, loss_params(kind, eps, joint_eps, similarity, power, scale, base), wanted1,
                    wanted2);
  STD_TORCH_CHECK(grad.scalar_type() == (pairs.wide() ? ScalarType::Double : ScalarType::Float),
                  "ptdet: grad must have the type of the values");
  STD_TORCH_CHECK(
      grad.get_device_index() == boxes1.get_device_index() && grad.device().type() == boxes1.device().type(),
      "ptdet: grad and boxes1 must be on one device");
  bool fits = grad.dim() == boxes1.dim() - 1;
  for (int64_t d = 0; fits && d < grad.dim(); ++d) fits = grad.size(d) == boxes1.size(d);
  STD_TORCH_CHECK(fits, "ptdet: grad must have the leading dimensions of boxes1");
  const ValueGradient gradient(grad);
  const Tensor slopes = pairs.new_slopes();
  if (wanted1 || wanted2)
    pairs.for_each(slopes, [&](const LossInput& input, int64_t before, void* by_a, void* by_b) {
      box_loss_gradient(input, gradient.from(before), by_a, by_b, call);
    });
  call.finish();
  return slopes;
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
  for (int64_t d = 0; d < dims; ++d)
    STD_TORCH_CHECK(grad.size(d) == slopes.size(before + d), "ptdet: slopes must have grad's leading dimensions");
  const ValueGradient gradient(grad);
  std::array<int64_t, 66> sizes;
  for (int64_t d = 0; d < slopes.dim(); ++d) sizes[static_cast<size_t>(d)] = slopes.size(d);
  const bool wide = is_double(slopes);
  const Tensor out = new_floats(slopes, sizes.data(), slopes.dim(), wide);
  box_loss_backward(wide ? Type::kFloat64 : Type::kFloat32, gradient.from(0), slopes.const_data_ptr(), gradient.count(),
                    static_cast<int>(before) + 1, out.mutable_data_ptr(), call);
  call.finish();
  return out;
}

template <typename Call>
void register_losses(torch::stable::detail::StableLibrary& m) {
  m.impl("graded_box_loss", TORCH_BOX(&graded_box_loss<Call>));
  m.impl("graded_box_loss_backward", TORCH_BOX(&graded_box_loss_backward<Call>));
  m.impl("graded_box_loss_gradient", TORCH_BOX(&graded_box_loss_gradient<Call>));
}

}  // namespace ptdet::operators

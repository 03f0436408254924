// What a pass over a batch kept, as slots of its images.
#pragma once

#include <torch/csrc/stable/library.h>

#include <optional>
#include <tuple>

#include "torch/arguments.h"

namespace ptdet {

inline SlotsInput slots_input(const Tensor& keep, const Tensor& groups, int64_t num_images, int64_t num_classes,
                              int64_t max_per_image, std::optional<int64_t> max_per_class) {
  for (const Tensor* t : {&keep, &groups}) {
    const char* name = t == &keep ? "keep" : "groups";
    STD_TORCH_CHECK(t->dim() == 1 && t->scalar_type() == ScalarType::Long && t->is_contiguous(), "ptdet: ", name,
                    " must be contiguous int64 of one dimension");
  }
  STD_TORCH_CHECK(keep.device() == groups.device(), "ptdet: keep and groups must be on one device");
  constexpr int64_t kMost = int64_t{1} << 31;  // products stay below 2^63
  STD_TORCH_CHECK(num_images >= 0 && num_images < kMost, "ptdet: num_images must not be negative");
  STD_TORCH_CHECK(num_classes >= 0 && num_classes < kMost, "ptdet: num_classes must not be negative");
  STD_TORCH_CHECK(max_per_image >= 0 && max_per_image < kMost, "ptdet: max_per_image must not be negative");
  STD_TORCH_CHECK(!max_per_class || *max_per_class >= 0, "ptdet: max_per_class must not be negative");
  SlotsInput input;
  input.count = keep.size(0);
  input.keep = static_cast<const int64_t*>(keep.const_data_ptr());
  input.candidates = groups.size(0);
  input.groups = static_cast<const int64_t*>(groups.const_data_ptr());
  input.images = num_images;
  input.classes = num_classes;
  input.max_per_image = max_per_image;
  input.max_per_class = max_per_class.value_or(input.count);
  return input;
}

// num and slots
inline std::tuple<Tensor, Tensor> new_slots(const Tensor& like, const SlotsInput& input) {
  return {new_indices(like, &input.images, 1),
          torch::stable::new_empty(like, {input.images, input.max_per_image}, ScalarType::Long)};
}

}  // namespace ptdet

namespace ptdet::operators {

template <typename Call>
std::tuple<Tensor, Tensor> image_slots(const Tensor& keep, const Tensor& groups, int64_t num_images,
                                       int64_t num_classes, int64_t max_per_image, Limit max_per_class) {
  const SlotsInput input = slots_input(keep, groups, num_images, num_classes, max_per_image, max_per_class);
  const Call call(keep);
  const auto [num, slots] = new_slots(keep, input);
  fill_slots(input, {indices(num), indices(slots)}, call);
  call.finish();
  return {num, slots};
}

template <typename Call>
void register_batch(torch::stable::detail::StableLibrary& m) {
  m.impl("image_slots", TORCH_BOX(&image_slots<Call>));
}

}  // namespace ptdet::operators

#include "torch/device.h"
#include "torch/image_slots.h"

namespace ptdet::cuda {

std::tuple<Tensor, Tensor> image_slots_op(const Tensor& keep, const Tensor& groups, int64_t num_images,
                                          int64_t num_classes, int64_t max_per_image,
                                          std::optional<int64_t> max_per_class) {
  const SlotsInput input = slots_input(keep, groups, num_images, num_classes, max_per_image, max_per_class);
  const OnDeviceOf device(keep);
  const auto [num, slots] = new_slots(keep, input);
  const int64_t scratch_bytes = static_cast<int64_t>(image_slots_scratch_bytes(input));
  const Tensor scratch = torch::stable::new_empty(keep, {scratch_bytes}, ScalarType::Byte);
  image_slots(input, {indices(num), indices(slots)}, scratch.mutable_data_ptr(), device.stream());
  OnDeviceOf::check_launches();
  return {num, slots};
}

}  // namespace ptdet::cuda

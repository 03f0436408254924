#include "torch/image_slots.h"

#include "torch/host.h"

namespace ptdet::cpu {

std::tuple<Tensor, Tensor> image_slots_op(const Tensor& keep, const Tensor& groups, int64_t num_images,
                                          int64_t num_classes, int64_t max_per_image,
                                          std::optional<int64_t> max_per_class) {
  const SlotsInput input = slots_input(keep, groups, num_images, num_classes, max_per_image, max_per_class);
  const auto [num, slots] = new_slots(keep, input);
  const TorchHost host;
  STD_TORCH_CHECK(image_slots(input, {indices(num), indices(slots)}, host.get()),
                  "ptdet: keep must point into groups, and groups lie in [0, num_images * "
                  "num_classes)");
  return {num, slots};
}

}  // namespace ptdet::cpu

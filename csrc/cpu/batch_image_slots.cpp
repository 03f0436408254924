// One pass in the order of scores: an entry takes the next slot of its image,
// if its class has room.
#include <algorithm>

#include "cpu/parallel.h"

namespace ptdet::cpu {

bool image_slots(const SlotsInput& input, const SlotsOutput& output, const Host& host) {
  std::fill_n(output.num, input.images, 0);
  std::fill_n(output.slots, input.images * input.max_per_image, -1);
  const int64_t groups = input.images * input.classes;
  int64_t* of_class = nullptr;
  if (input.max_per_class < input.count) {
    of_class = allocate<int64_t>(host, groups);
    std::fill_n(of_class, groups, 0);
  }
  for (int64_t i = 0; i < input.count; ++i) {
    const int64_t candidate = input.keep[i];
    if (candidate < 0) continue;
    if (candidate >= input.candidates) return false;
    const int64_t group = input.groups[candidate];
    if (group < 0 || group >= groups) return false;
    if (of_class && of_class[group]++ >= input.max_per_class) continue;
    const int64_t image = group / input.classes;
    if (output.num[image] < input.max_per_image) output.slots[image * input.max_per_image + output.num[image]++] = i;
  }
  return true;
}

}  // namespace ptdet::cpu

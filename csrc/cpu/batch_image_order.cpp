// From the order of scores to that of images: a counting sort.
#include <algorithm>
#include <type_traits>

#include "cpu/typed_io.h"
#include "cpu/parallel.h"

namespace ptdet::cpu {

OrderFound image_order_find(const int64_t* keep, int64_t count, const Column& images, int64_t candidates,
                            int64_t num_images, int64_t most, int64_t* num, const Host& host) {
  int32_t* image_of = allocate<int32_t>(host, count);
  std::fill_n(num, num_images, 0);
  int64_t total = 0;
  bool fine = true;
  with_type(images.type, images.data, [&](const auto* data) {
    if constexpr (std::is_integral_v<std::decay_t<decltype(*data)>>)
      for (int64_t i = 0; i < count && fine; ++i) {
        image_of[i] = -1;
        if (keep[i] < 0) continue;
        fine = keep[i] < candidates;
        const int64_t image = fine ? static_cast<int64_t>(data[keep[i] * images.stride]) : 0;
        fine = fine && image >= 0 && image < num_images;
        if (!fine || num[image] == most) continue;
        ++num[image];
        ++total;
        image_of[i] = static_cast<int32_t>(image);
      }
    else
      fine = false;
  });
  return {fine ? total : -1, image_of};
}

void image_order_emit(const int64_t* keep, int64_t count, const OrderFound& found, const int64_t* num,
                      int64_t num_images, int64_t* places, int64_t* chosen, const Host& host) {
  int64_t* next = allocate<int64_t>(host, num_images);
  int64_t start = 0;
  for (int64_t image = 0; image < num_images; ++image) {
    next[image] = start;
    start += num[image];
  }
  for (int64_t i = 0; i < count; ++i) {
    if (found.image_of[i] < 0) continue;
    const int64_t at = next[found.image_of[i]]++;
    if (places) places[at] = i;
    chosen[at] = keep[i];
  }
}

}  // namespace ptdet::cpu

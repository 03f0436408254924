// Runs the CUDA kernels' plan of hard NMS on cases from stdin, as the torch room would. A case: int64[16], double[2]
// and the bytes of boxes, scores and groups (test_cuda_emulated.py writes them). The answer: kept, keep[count],
// owner[count] (0 where the case wants none). With the argument `rotated`: of rotated boxes; `rotated_fast`: Fast NMS.
#include <cstring>

#include "cases.h"

namespace {

enum class What { kNms, kRotated, kRotatedFast };

void run(const Header& h, What what, const void* boxes, const void* scores, const void* groups) {
  namespace cuda = ptdet::cuda;
  const int64_t n = h.count;
  ptdet::NmsInput input = input_of(h, boxes, scores, groups);
  if (what != What::kNms) input.numbers = 5;
  const ptdet::NmsParams params = params_of(h);
  Array<int64_t> keep(n), owner(n), kept(1);
  *kept.data = 0;
  std::fill_n(owner.data, n, 0);
  const Sorting sorting(input, params, kept.data);
  Array<char> scratch(static_cast<int64_t>(what == What::kRotatedFast ? cuda::fast_scratch_bytes(input)
                                           : what == What::kRotated   ? cuda::rotated_nms_scratch_bytes(n)
                                                                      : cuda::nms_scratch_bytes(input)));
  const ptdet::NmsOutput output{keep.data, h.want_owner ? owner.data : nullptr, kept.data};
  const auto pass = what == What::kRotatedFast ? cuda::fast_nms
                    : what == What::kRotated   ? cuda::rotated_nms
                                               : cuda::nms;
  pass(input, params, sorting.sorted, output, scratch.data, nullptr);
  write(kept.data, 1);
  write(keep.data, n);
  write(owner.data, n);
}

}  // namespace

int main(int count, char** arguments) {
  const What what = count == 1                                       ? What::kNms
                    : std::strcmp(arguments[1], "rotated_fast") == 0 ? What::kRotatedFast
                                                                     : What::kRotated;
  Header h;
  while (read(&h, sizeof(h))) {
    Array<char> boxes(h.boxes_bytes), scores(h.scores_bytes), groups(h.groups_bytes);
    if (!read(boxes.data, h.boxes_bytes) || !read(scores.data, h.scores_bytes) || !read(groups.data, h.groups_bytes)) {
      std::fprintf(stderr, "driver: a case ends early\n");
      return 1;
    }
    run(h, what, boxes.data, scores.data, groups.data);
  }
  return 0;
}

// Runs the CUDA kernels' plan on cases from stdin, as the torch room would, with std::stable_sort for aten::sort.
// A case: int64[16], double[2] and the bytes of boxes, scores and groups (test_cuda_emulated.py writes them). The
// answer: kept, keep[count], owner[count] (0 where the case wants none).
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "kernels.h"

namespace {

using ptdet::Type;

struct Header {
  int64_t count, boxes_bytes, boxes_type, row_stride, column_stride;
  int64_t scores_bytes, scores_type, scores_stride;
  int64_t groups_bytes, groups_type, groups_stride;  // type -1: absent
  int64_t metric, inclusive, has_score_threshold, max_output, want_owner;
  double iou_threshold, score_threshold;
};

// One heap block each, so that AddressSanitizer sees the ends.
template <typename E>
struct Array {
  E* data;
  explicit Array(int64_t count) : data(static_cast<E*>(std::malloc(sizeof(E) * static_cast<size_t>(count)))) {}
  ~Array() { std::free(data); }
  Array(const Array&) = delete;
};

bool read(void* to, int64_t bytes) {
  const size_t wanted = static_cast<size_t>(bytes);
  return std::fread(to, 1, wanted, stdin) == wanted;
}

void write(const int64_t* from, int64_t count) {
  std::fwrite(from, sizeof(int64_t), static_cast<size_t>(count), stdout);
}

template <typename Key>
void stable_order(const Key* keys, int64_t count, int64_t* order) {
  std::iota(order, order + count, int64_t{0});
  std::stable_sort(order, order + count, [&](int64_t a, int64_t b) { return keys[a] < keys[b]; });
}

void run(const Header& h, const void* boxes, const void* scores, const void* groups) {
  namespace cuda = ptdet::cuda;
  const int64_t n = h.count;
  ptdet::NmsInput input;
  input.count = n;
  input.boxes = {boxes, h.row_stride, h.column_stride, static_cast<Type>(h.boxes_type)};
  input.scores = {scores, h.scores_stride, static_cast<Type>(h.scores_type)};
  const bool grouped = h.groups_type >= 0;
  if (grouped) input.groups = {groups, h.groups_stride, static_cast<Type>(h.groups_type)};
  ptdet::NmsParams params;
  params.iou_threshold = h.iou_threshold;
  params.inclusive = h.inclusive != 0;
  params.metric = static_cast<ptdet::Metric>(h.metric);
  params.has_score_threshold = h.has_score_threshold != 0;
  params.score_threshold = h.score_threshold;
  params.max_output = h.max_output;

  const bool wide = input.scores.type == Type::kFloat64;
  Array<char> keys(n * (wide ? 8 : 4));
  Array<int64_t> by_score(n), group_keys(n), group_order(n), by_group(n), sorted_groups(n), keep(n), owner(n), kept(1);
  *kept.data = 0;
  std::fill_n(owner.data, n, 0);

  cuda::score_keys(input, params, keys.data, nullptr);
  if (wide)
    stable_order(reinterpret_cast<const int64_t*>(keys.data), n, by_score.data);
  else
    stable_order(reinterpret_cast<const int32_t*>(keys.data), n, by_score.data);
  if (grouped) {
    cuda::group_keys(input, by_score.data, group_keys.data, kept.data, nullptr);
    stable_order(group_keys.data, n, group_order.data);
    for (int64_t p = 0; p < n; ++p) {
      by_group.data[p] = by_score.data[group_order.data[p]];
      sorted_groups.data[p] = group_keys.data[group_order.data[p]];
    }
  }
  Array<char> scratch(static_cast<int64_t>(cuda::nms_scratch_bytes(input)));
  const cuda::NmsSorted sorted{by_score.data, grouped ? by_group.data : nullptr, grouped ? sorted_groups.data : nullptr,
                               keys.data};
  const ptdet::NmsOutput output{keep.data, h.want_owner ? owner.data : nullptr, kept.data};
  cuda::nms(input, params, sorted, output, scratch.data, nullptr);
  write(kept.data, 1);
  write(keep.data, n);
  write(owner.data, n);
}

}  // namespace

int main() {
  Header h;
  while (read(&h, sizeof(h))) {
    Array<char> boxes(h.boxes_bytes), scores(h.scores_bytes), groups(h.groups_bytes);
    if (!read(boxes.data, h.boxes_bytes) || !read(scores.data, h.scores_bytes) || !read(groups.data, h.groups_bytes)) {
      std::fprintf(stderr, "driver: a case ends early\n");
      return 1;
    }
    run(h, boxes.data, scores.data, groups.data);
  }
  return 0;
}

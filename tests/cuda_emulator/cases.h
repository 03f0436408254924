// A case as test_cuda_*.py write it, and what the torch room does before a kernel: std::stable_sort for aten::sort.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>

#include "api/api.h"

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

inline ptdet::NmsInput input_of(const Header& h, const void* boxes, const void* scores, const void* groups) {
  ptdet::NmsInput input;
  input.count = h.count;
  input.boxes = {boxes, h.row_stride, h.column_stride, static_cast<Type>(h.boxes_type)};
  input.scores = {scores, h.scores_stride, static_cast<Type>(h.scores_type)};
  if (h.groups_type >= 0) input.groups = {groups, h.groups_stride, static_cast<Type>(h.groups_type)};
  return input;
}

inline ptdet::NmsParams params_of(const Header& h) {
  ptdet::NmsParams params;
  params.iou_threshold = h.iou_threshold;
  params.inclusive = h.inclusive != 0;
  params.metric = static_cast<ptdet::Metric>(h.metric);
  params.has_score_threshold = h.has_score_threshold != 0;
  params.score_threshold = h.score_threshold;
  params.max_output = h.max_output;
  return params;
}

// Keys of numbers that are computed with as `type`.
inline int64_t key_bytes(Type type) { return type == Type::kFloat64 ? 8 : 4; }

inline void order_of_keys(Type type, int64_t count, const void* keys, int64_t* order) {
  if (type == Type::kFloat64)
    stable_order(static_cast<const int64_t*>(keys), count, order);
  else
    stable_order(static_cast<const int32_t*>(keys), count, order);
}

// Sorted by score and by group.
struct Sorting {
  Array<char> keys;
  Array<int64_t> by_score, group_keys, group_order, by_group, groups;
  ptdet::cuda::NmsSorted sorted;

  Sorting(const ptdet::NmsInput& input, const ptdet::NmsParams& params, int64_t* kept)
      : Sorting(input, input.scores.type, kept,
                [&](void* to) { ptdet::cuda::score_keys(input, params, to, nullptr); }) {}

  template <typename WriteKeys>
  Sorting(const ptdet::NmsInput& input, Type type, int64_t* kept, WriteKeys&& write_keys)
      : keys(input.count * key_bytes(type)),
        by_score(input.count),
        group_keys(input.count),
        group_order(input.count),
        by_group(input.count),
        groups(input.count),
        sorted{by_score.data, nullptr, nullptr, keys.data} {
    write_keys(keys.data);
    order_of_keys(type, input.count, keys.data, by_score.data);
    if (!input.groups.data) return;
    ptdet::cuda::group_keys(input, by_score.data, group_keys.data, kept, nullptr);
    stable_order(group_keys.data, input.count, group_order.data);
    for (int64_t p = 0; p < input.count; ++p) {
      by_group.data[p] = by_score.data[group_order.data[p]];
      groups.data[p] = group_keys.data[group_order.data[p]];
    }
    sorted.by_group = by_group.data;
    sorted.groups = groups.data;
  }
};

}  // namespace

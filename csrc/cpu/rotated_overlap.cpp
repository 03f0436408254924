// Overlaps of rotated boxes: of all pairs of two sets, or box by box.
#include <algorithm>
#include <cfloat>

#include "cpu/simd/simd_table.h"
#include "cpu/parallel.h"
#include "cpu/typed_io.h"

namespace ptdet::cpu {
namespace {

constexpr int64_t kBlock = 512;  // overlaps that are computed at a time

// `count` boxes from row `first` on, column by column, with their cosines, sines and areas.
void load_columns(const BoxColumn& boxes, int64_t offset, int64_t first, int64_t count, const RotatedColumns& into) {
  with_type(boxes.type, boxes.data, [&](const auto* data) {
    const auto* row = data + offset + first * boxes.row_stride;
    for (int64_t i = first; i < first + count; ++i, row += boxes.row_stride)
      for (int k = 0; k < RotatedColumns::kNumbers; ++k)
        into.columns[k][i] = static_cast<double>(row[k * boxes.column_stride]);
  });
}

RotatedColumns room_for(int64_t count, const Host& host) {
  const int64_t length = count + RotatedColumns::kPadding;
  double* numbers = allocate<double>(host, RotatedColumns::kColumns * length);
  std::fill_n(numbers, RotatedColumns::kColumns * length, 0.0);
  RotatedColumns boxes{};
  for (double*& column : boxes.columns) column = numbers, numbers += length;
  return boxes;
}

RotatedColumns loaded(const BoxColumn& boxes, int64_t offset, int64_t count, const RotatedColumns& room) {
  load_columns(boxes, offset, 0, count, room);
  simd().rotated.turn(room, 0, count);
  return room;
}

template <typename T>
void copy(const double* values, int64_t count, T* out) {
  for (int64_t i = 0; i < count; ++i) out[i] = static_cast<T>(values[i]);
}

void copy(const double* values, int64_t count, bool wide, void* out, int64_t at) {
  if (wide)
    copy(values, count, static_cast<double*>(out) + at);
  else
    copy(values, count, static_cast<float*>(out) + at);
}

// Columns to rows, within the range of T.
template <typename T>
void copy_rows(const double* columns, int64_t stride, int64_t count, T* rows) {
  constexpr double kMost = sizeof(T) == 8 ? DBL_MAX : FLT_MAX;
  for (int64_t i = 0; i < count; ++i)
    for (int k = 0; k < RotatedColumns::kNumbers; ++k)
      *rows++ = static_cast<T>(std::min(std::max(columns[k * stride + i], -kMost), kMost));
}

template <typename T>
void write_slopes(const RotatedPairs& input, const T* gradient, int64_t gradient_stride, T* slopes_a, T* slopes_b,
                  const Host& host) {
  constexpr int64_t kStride = kBlock + RotatedColumns::kPadding, kNumbers = RotatedColumns::kNumbers;
  parallel_ranges(host, input.count, parts_for(host, 8 * input.count), [&](int64_t begin, int64_t end) {
    const RotatedColumns room_a = room_for(kBlock, host), room_b = room_for(kBlock, host);
    double* slopes = allocate<double>(host, RotatedColumns::kSlopes * kStride);
    double weight[kStride] = {};
    for (int64_t first = begin; first < end; first += kBlock) {
      const int64_t count = std::min(kBlock, end - first);
      const RotatedColumns a = loaded(input.a, first * input.a.row_stride, count, room_a);
      const RotatedColumns b = loaded(input.b, first * input.b.row_stride, count, room_b);
      for (int64_t i = 0; i < count; ++i) weight[i] = static_cast<double>(gradient[(first + i) * gradient_stride]);
      simd().rotated.slopes_of_pairs(input.metric, a, b, weight, count, slopes_b != nullptr, slopes, kStride);
      if (slopes_a) copy_rows(slopes, kStride, count, slopes_a + kNumbers * first);
      if (slopes_b) copy_rows(slopes + kNumbers * kStride, kStride, count, slopes_b + kNumbers * first);
    }
  });
}

}  // namespace

void rotated_pairwise_overlap(const PairwiseInput& input, void* out, const Host& host) {
  if (input.batch * input.rows * input.columns == 0) return;
  const bool wide = stored_wide(input.a.type, input.b.type);
  const RotatedColumns room_a = room_for(input.rows, host), room_b = room_for(input.columns, host);
  for (int64_t batch = 0; batch < input.batch; ++batch) {
    const RotatedColumns a = loaded(input.a, batch * input.a_batch_stride, input.rows, room_a);
    const RotatedColumns b = loaded(input.b, batch * input.b_batch_stride, input.columns, room_b);
    const int64_t parts = std::min(input.rows, parts_for(host, 4 * input.rows * input.columns));
    parallel_ranges(host, input.rows, parts, [&](int64_t begin, int64_t end) {
      double values[kBlock + RotatedColumns::kPadding];
      for (int64_t first = 0; first < input.columns; first += kBlock) {
        const int64_t count = std::min(kBlock, input.columns - first);
        for (int64_t row = begin; row < end; ++row) {
          simd().rotated.of_row(input.params.metric, a, row, b, first, count, values);
          copy(values, count, wide, out, (batch * input.rows + row) * input.columns + first);
        }
      }
    });
  }
}

void rotated_overlap(const RotatedPairs& input, void* out, const Host& host) {
  const bool wide = stored_wide(input.a.type, input.b.type);
  parallel_ranges(host, input.count, parts_for(host, 4 * input.count), [&](int64_t begin, int64_t end) {
    const RotatedColumns room_a = room_for(kBlock, host), room_b = room_for(kBlock, host);
    double values[kBlock + RotatedColumns::kPadding];
    for (int64_t first = begin; first < end; first += kBlock) {
      const int64_t count = std::min(kBlock, end - first);
      const RotatedColumns a = loaded(input.a, first * input.a.row_stride, count, room_a);
      const RotatedColumns b = loaded(input.b, first * input.b.row_stride, count, room_b);
      simd().rotated.of_pairs(input.metric, a, b, 0, count, values);
      copy(values, count, wide, out, first);
    }
  });
}

void rotated_overlap_backward(const RotatedPairs& input, const void* gradient, int64_t gradient_stride, void* slopes_a,
                              void* slopes_b, const Host& host) {
  const auto run = [&](auto number) {
    using T = decltype(number);
    write_slopes(input, static_cast<const T*>(gradient), gradient_stride, static_cast<T*>(slopes_a),
                 static_cast<T*>(slopes_b), host);
  };
  stored_wide(input.a.type, input.b.type) ? run(double{}) : run(float{});
}

}  // namespace ptdet::cpu

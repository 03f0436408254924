// Numbers in the caller's memory: read in the type they are computed in, written in the type they are stored in.
#pragma once

#include "math/rotated_box.h"
#include "api/dispatch.h"
#include "cpu/parallel.h"
#include "cpu/simd/simd_table.h"

namespace ptdet::cpu {

// Calls f(pointer) with the column's pointer in its own type.
template <typename F>
void with_type(Type type, const void* data, F&& f) {
#define PTDET_CASE(name, Stored) \
  case Type::name: return f(static_cast<const Stored*>(data));
  switch (type) { PTDET_TYPES(PTDET_CASE) }
#undef PTDET_CASE
}

template <typename T>
T* load_column(const Column& column, int64_t count, const Host& host) {
  T* values = allocate<T>(host, count);
  with_type(column.type, column.data, [&](const auto* data) {
    for (int64_t i = 0; i < count; ++i) values[i] = static_cast<T>(data[i * column.stride]);
  });
  return values;
}

// The box whose x1 is at `row`.
template <typename T, typename Stored>
PTDET_HD Box<T> box_at(const Stored* row, int64_t step) {
  return {static_cast<T>(row[0]), static_cast<T>(row[step]), static_cast<T>(row[2 * step]),
          static_cast<T>(row[3 * step])};
}

template <typename T>
Box<T>* load_boxes(const BoxColumn& column, int64_t count, const Host& host) {
  Box<T>* boxes = allocate<Box<T>>(host, count);
  with_type(column.type, column.data, [&](const auto* data) {
    for (int64_t i = 0; i < count; ++i) boxes[i] = box_at<T>(data + i * column.row_stride, column.column_stride);
  });
  return boxes;
}

// boxes[i] = the box of row row_of(i), for i in [begin, end).
template <typename RowOf>
void load_rotated(const BoxColumn& column, int64_t begin, int64_t end, RotatedBox<double>* boxes, RowOf&& row_of) {
  with_type(column.type, column.data, [&](const auto* data) {
    for (int64_t i = begin; i < end; ++i) {
      const auto* row = data + row_of(i) * column.row_stride;
      const auto number = [&](int64_t k) { return static_cast<double>(row[k * column.column_stride]); };
      boxes[i] = {number(0), number(1), number(2), number(3), number(4), 0, 0, 0};
    }
  });
  simd().rotated.turn_rows(boxes + begin, end - begin);
}

// The boxes of any shape.
template <typename Shape>
Shape* load_shapes(const BoxColumn& column, int64_t count, const Host& host) {
  if constexpr (std::is_same_v<Shape, RotatedBox<double>>) {
    Shape* shapes = allocate<Shape>(host, count);
    load_rotated(column, 0, count, shapes, [](int64_t i) { return i; });
    return shapes;
  } else {
    return load_boxes<decltype(Shape::x1)>(column, count, host);
  }
}

// boxes[i] = the box of row rows[i], for i in [begin, end).
template <typename T>
void gather_boxes(const BoxColumn& column, const uint32_t* rows, int64_t begin, int64_t end, Box<T>* boxes) {
  constexpr int64_t kAhead = 16;
  with_type(column.type, column.data, [&](const auto* data) {
    for (int64_t i = begin; i < end; ++i) {
      if (i + kAhead < end) __builtin_prefetch(data + static_cast<int64_t>(rows[i + kAhead]) * column.row_stride);
      boxes[i] = box_at<T>(data + static_cast<int64_t>(rows[i]) * column.row_stride, column.column_stride);
    }
  });
}

inline void gather_boxes(const BoxColumn& column, const uint32_t* rows, int64_t begin, int64_t end,
                         RotatedBox<double>* boxes) {
  load_rotated(column, begin, end, boxes, [=](int64_t i) { return static_cast<int64_t>(rows[i]); });
}

// Do these boxes lie as contiguous rows of T?
template <typename T>
bool lies_ready(const BoxColumn& boxes) {
  return boxes.type == (sizeof(T) == 8 ? Type::kFloat64 : Type::kFloat32) && boxes.row_stride == 4 &&
         boxes.column_stride == 1;
}

// Rows [begin, begin + count) as contiguous rows of T: the caller's own memory where they lie ready, else their copy in
// `room`, which holds count rows. `offset` counts elements.
template <typename T>
const T* rows_of(const BoxColumn& boxes, int64_t offset, int64_t begin, int64_t count, T* room) {
  if (lies_ready<T>(boxes)) return static_cast<const T*>(boxes.data) + offset + 4 * begin;
  with_type(boxes.type, boxes.data, [&](const auto* data) {
    const auto* row = data + offset + begin * boxes.row_stride;
    for (int64_t i = 0; i < count; ++i, row += boxes.row_stride)
      for (int64_t k = 0; k < 4; ++k) room[4 * i + k] = static_cast<T>(row[k * boxes.column_stride]);
  });
  return room;
}

// The largest finite number of a floating type.
inline double largest_of_type(Type type) {
  switch (type) {
    case Type::kFloat64: return 1.7976931348623157e308;
    case Type::kFloat16: return 65504.0;
    case Type::kBFloat16: return 3.3895313892515355e38;
    default: return 3.4028234663852886e38;
  }
}

template <typename T>
void store(void* data, Type type, int64_t at, T value) {
  switch (type) {
    case Type::kFloat64: static_cast<double*>(data)[at] = stored_as<double>(value); return;
    case Type::kFloat16: static_cast<Float16*>(data)[at] = stored_as<Float16>(value); return;
    case Type::kBFloat16: static_cast<BFloat16*>(data)[at] = stored_as<BFloat16>(value); return;
    default: static_cast<float*>(data)[at] = stored_as<float>(value); return;
  }
}

template <typename T>
void store_box(void* data, Type type, int64_t row, const Box<T>& box) {
  store(data, type, 4 * row, box.x1);
  store(data, type, 4 * row + 1, box.y1);
  store(data, type, 4 * row + 2, box.x2);
  store(data, type, 4 * row + 3, box.y2);
}

inline void store_box(void* data, Type type, int64_t row, const RotatedBox<double>& box) {
  store(data, type, 5 * row, box.cx);
  store(data, type, 5 * row + 1, box.cy);
  store(data, type, 5 * row + 2, box.w);
  store(data, type, 5 * row + 3, box.h);
  store(data, type, 5 * row + 4, box.angle);
}

}  // namespace ptdet::cpu

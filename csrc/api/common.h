// What all parts of the kernel API share.
#pragma once

#include <cstddef>
#include <cstdint>

#include "math/half.h"

namespace ptdet {

// Every type that a kernel reads. The test drivers send a type as its place in this list.
#define PTDET_TYPES(ROW)   \
  ROW(kFloat64, double)    \
  ROW(kFloat32, float)     \
  ROW(kFloat16, Float16)   \
  ROW(kBFloat16, BFloat16) \
  ROW(kInt64, int64_t)     \
  ROW(kInt32, int32_t)     \
  ROW(kInt16, int16_t)     \
  ROW(kInt8, int8_t)       \
  ROW(kUInt8, uint8_t)     \
  ROW(kBool, bool)         \
  ROW(kUInt16, uint16_t)   \
  ROW(kUInt32, uint32_t)   \
  ROW(kUInt64, uint64_t)

// Every overlap measure: its name in a call, and its struct (math/overlap.h).
#define PTDET_METRICS(ROW) \
  ROW(kIou, "iou", Iou)    \
  ROW(kGiou, "giou", Giou) \
  ROW(kDiou, "diou", Diou) \
  ROW(kCiou, "ciou", Ciou) \
  ROW(kIof, "iof", Iof)    \
  ROW(kIos, "ios", Ios)    \
  ROW(kTiou, "tiou", Tiou)

// Those that rotated boxes have; the last two are of them alone.
#define PTDET_ROTATED_METRICS(ROW)  \
  ROW(kIou, "iou", Iou)             \
  ROW(kGiou, "giou", Giou)          \
  ROW(kDiou, "diou", Diou)          \
  ROW(kIof, "iof", Iof)             \
  ROW(kIos, "ios", Ios)             \
  ROW(kTiou, "tiou", Tiou)          \
  ROW(kProbiou, "probiou", Probiou) \
  ROW(kKfiou, "kfiou", Kfiou)

#define PTDET_NAME(name, ...) name,
enum class Type : int { PTDET_TYPES(PTDET_NAME) };
enum class Metric : int { PTDET_METRICS(PTDET_NAME) kProbiou, kKfiou };
#undef PTDET_NAME

PTDET_HD bool is_floating(Type type) {
  return type == Type::kFloat64 || type == Type::kFloat32 || type == Type::kFloat16 || type == Type::kBFloat16;
}

// Of one number.
inline int64_t bytes_of(Type type) {
#define PTDET_CASE(name, Stored) \
  case Type::name: return sizeof(Stored);
  switch (type) { PTDET_TYPES(PTDET_CASE) }
#undef PTDET_CASE
  return 0;
}

// N numbers in the caller's memory, as they lie there. Strides count elements.
struct Column {
  const void* data = nullptr;  // null: absent
  int64_t stride = 1;
  Type type = Type::kFloat32;
};

// N rows of x1, y1, x2, y2; of rotated boxes of cx, cy, w, h, angle.
struct BoxColumn {
  const void* data = nullptr;
  int64_t row_stride = 4;
  int64_t column_stride = 1;
  Type type = Type::kFloat32;
};

namespace cpu {

// What a CPU kernel borrows from the room that calls it.
struct Host {
  void* context;
  int threads;
  // Calls body(argument, i) once for each i in [0, tasks), on up to `threads` threads.
  void (*parallel_for)(void* context, int64_t tasks, void (*body)(void* argument, int64_t i), void* argument);
  // Memory, 64-byte aligned, that lives until the call ends. May be called from any thread. Never returns null.
  void* (*allocate)(void* context, size_t bytes);
};

// The instruction set in use: "baseline", "avx2", "avx512" or "neon".
const char* instruction_set();
// Those that PTDET_CPU may ask for on this machine, i = 0, 1, ...; null after the last.
const char* possible_instruction_set(int i);

}  // namespace cpu
}  // namespace ptdet

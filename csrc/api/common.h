// What all wings of the door share.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ptdet {

enum class Type : int {
  // clang-format off
  kFloat64, kFloat32, kFloat16, kBFloat16,  // the floats first: torch/arguments.h compares
  kInt64, kInt32, kInt16, kInt8, kUInt8, kBool, kUInt16, kUInt32, kUInt64,
  // clang-format on
};

enum class Metric : int { kIou, kGiou, kDiou, kCiou, kIof, kIos };

// N numbers in the caller's memory, as they lie there. Strides count elements.
struct Column {
  const void* data = nullptr;  // null: absent
  int64_t stride = 1;
  Type type = Type::kFloat32;
};

// N rows of x1, y1, x2, y2.
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

// A run of pixels, and the functions that take it; channel_norm.inc is compiled once per instruction set.
#pragma once

#include "api/api.h"

namespace ptdet::cpu {

// Where the pixels of a run lie in one array; a stride counts elements.
struct RunArray {
  void* data;
  int64_t pixel_stride;
  int64_t channel_stride;
};

struct PixelRun {
  Type type;
  double degree;
  int64_t channels;
  int64_t count;  // of pixels, at most kMostPixels
  RunArray input, norm;
  RunArray grad, slope;  // of the backward pass
};

constexpr int64_t kMostPixels = 1024;

// The same functions for each instruction set this binary holds.
struct ChannelNormTable {
  void (*forward)(const PixelRun&);
  void (*backward)(const PixelRun&);
};

}  // namespace ptdet::cpu

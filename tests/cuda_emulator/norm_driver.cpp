// Runs the CUDA kernels of the norm over channels on cases from stdin (tests/cuda_emulator/norms.py writes them): a
// Header, then the bytes of input, norm and grad. The answer: the bytes of the norm, or of the slope where grad is
// there. With an argument: numbers more than 2^31 elements apart, in memory that is reserved and hardly touched.
#include <sys/mman.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "math/channel_norm.h"
#include "api/api.h"

namespace {

using ptdet::PixelArray;
using ptdet::PixelShape;

struct HeaderArray {
  int64_t bytes, channel_stride, stride[ptdet::kPixelDims];
};
struct Header {
  int64_t type, channels, dims, size[ptdet::kPixelDims], misalignment, backward;
  double degree;
  HeaderArray input, norm, grad, slope;
};

// One heap block each, so that AddressSanitizer sees the ends.
struct Memory {
  char* block;
  char* data;
  int64_t bytes;
  Memory(int64_t count, int64_t misalignment)
      : block(static_cast<char*>(std::malloc(static_cast<size_t>(count + misalignment)))),
        data(block + misalignment),
        bytes(count) {}
  ~Memory() { std::free(block); }
  Memory(const Memory&) = delete;
  bool read() { return std::fread(data, 1, static_cast<size_t>(bytes), stdin) == static_cast<size_t>(bytes); }
  void write() const { std::fwrite(data, 1, static_cast<size_t>(bytes), stdout); }
};

PixelArray array_of(const HeaderArray& header, const Memory& memory) {
  PixelArray array;
  array.data = memory.data;
  array.channel_stride = header.channel_stride;
  for (int d = 0; d < ptdet::kPixelDims; ++d) array.stride[d] = header.stride[d];
  return array;
}

int run_cases() {
  Header h;
  while (std::fread(&h, sizeof(h), 1, stdin) == 1) {
    Memory input(h.input.bytes, h.misalignment), norm(h.norm.bytes, h.misalignment), grad(h.grad.bytes, 0),
        slope(h.slope.bytes, h.misalignment);
    if (!input.read() || !norm.read() || !grad.read() || !slope.read()) return 1;
    PixelShape shape;
    shape.type = static_cast<ptdet::Type>(h.type);
    shape.channels = h.channels;
    shape.dims = static_cast<int>(h.dims);
    for (int d = 0; d < ptdet::kPixelDims; ++d) shape.size[d] = h.size[d];
    const PixelArray x = array_of(h.input, input), n = array_of(h.norm, norm);
    if (h.backward) {
      const PixelArray to = array_of(h.slope, slope);
      ptdet::cuda::channel_norm_backward(shape, array_of(h.grad, grad), x, n, h.degree, to, nullptr);
      slope.write();
    } else {
      ptdet::cuda::channel_norm(shape, x, n, h.degree, nullptr);
      norm.write();
    }
  }
  return 0;
}

// 2 rows of 4 pixels of 3 channels, a row and a channel each more than 2^31 elements from the next.
int run_far() {
  constexpr int64_t kFar = (int64_t{1} << 31) + 16;
  constexpr size_t kBytes = static_cast<size_t>(6 * kFar) * sizeof(float);
  void* const memory[2] = {
      mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
      mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)};
  if (memory[0] == MAP_FAILED || memory[1] == MAP_FAILED) return std::perror("norm_driver: reserving"), 2;
  PixelShape shape;
  shape.channels = 3;
  shape.dims = 2;
  shape.size[0] = 2;
  shape.size[1] = 4;
  PixelArray x{memory[0], kFar, {3 * kFar, 1}}, to{memory[1], kFar, {3 * kFar, 1}};
  std::vector<float> norms(8), grads(8, 2.0f);
  const PixelArray norm{norms.data(), 0, {4, 1}}, grad{grads.data(), 0, {4, 1}};
  float* const from = static_cast<float*>(memory[0]);
  float* const slopes = static_cast<float*>(memory[1]);
  int wrong = 0;
  for (int64_t wide = 0; wide < 2; ++wide) {
    x.stride[1] = to.stride[1] = wide ? 1 : 3;  // packs of 16 bytes, then numbers one by one
    const auto at = [&](int64_t row, int64_t i, int64_t c) { return (3 * row + c) * kFar + i * x.stride[1]; };
    for (int64_t p = 0; p < 8; ++p)
      for (int64_t c = 0; c < 3; ++c)
        from[at(p / 4, p % 4, c)] = static_cast<float>((p + 1) * (c == 0 ? 2 : c == 1 ? 3 : 6));
    ptdet::cuda::channel_norm(shape, x, norm, 2.0, nullptr);
    ptdet::cuda::channel_norm_backward(shape, grad, x, norm, 2.0, to, nullptr);
    for (int64_t p = 0; p < 8; ++p) {
      wrong += norms[static_cast<size_t>(p)] != static_cast<float>(7 * (p + 1));
      for (int64_t c = 0; c < 3; ++c) {
        const float expected = 2.0f * static_cast<float>(c == 0 ? 2 : c == 1 ? 3 : 6) / 7.0f;
        wrong += std::abs(slopes[at(p / 4, p % 4, c)] - expected) > 1e-6f;
      }
    }
  }
  // A pixel's index beyond 2^31 is the same arithmetic, without the memory.
  const int64_t size[3] = {3, 70000, 50000}, stride[3] = {4000000007, 50001, 1};
  for (const int64_t row : {0, 1, 2})
    for (const int64_t y : {0, 69999})
      for (const int64_t i : {0, 49999})
        wrong += ptdet::offset_of((row * 70000 + y) * 50000 + i, 3, size, stride) != row * 4000000007 + y * 50001 + i;
  std::printf("%d\n", wrong);
  return 0;
}

}  // namespace

int main(int count, char**) { return count > 1 ? run_far() : run_cases(); }

// Index arithmetic beyond 2^32, on a file of memory that is nearly all holes.
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <initializer_list>

#include "cuda/load.h"
#include "cuda/greedy_pass.h"

namespace cuda = ptdet::cuda;

static void expect(bool right, const char* what) {
  if (right) return;
  std::fprintf(stderr, "wrong: %s\n", what);
  std::exit(1);
}

int main() {
  const int64_t most = 0xfffffffell;  // boxes, the most that torch's room lets in

  blockDim = {256, 1, 1};
  blockIdx = {0x7fffffff, 0, 0};
  threadIdx = {255, 0, 0};
  expect(cuda::thread_in_grid() == (int64_t{1} << 39) - 1, "thread_in_grid");
  expect(cuda::blocks_for(most, 256) == int64_t{1} << 24, "blocks_for");
  expect(cuda::blocks_for(most, cuda::kTile) <= 0x7fffffff, "a launch has as many blocks as a grid may");

  for (const int64_t tiles : {int64_t{0}, int64_t{1}, cuda::blocks_for(most, cuda::kWarp)})
    for (const int64_t kept : {int64_t{0}, int64_t{1}, int64_t{0x80000000}, most}) {
      const cuda::Progress back = cuda::Progress::from(cuda::Progress{tiles, kept}.packed());
      expect(back.tiles == tiles && back.kept == kept, "Progress");
    }

  const size_t bytes = static_cast<size_t>(most) * 4 * sizeof(float);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    std::puts("no room");
    return 0;
  }
  float* numbers = static_cast<float*>(memory);
  for (const int64_t row : {int64_t{0x3fffffff}, int64_t{0x80000001}, most - 1}) {
    for (int c = 0; c < 4; ++c) numbers[row + c * most] = static_cast<float>(c + 5);
    const auto by_columns = cuda::load_box<double>({memory, 1, most, ptdet::Type::kFloat32}, row);
    expect(by_columns.x1 == 5 && by_columns.y1 == 6 && by_columns.x2 == 7 && by_columns.y2 == 8, "columns");
    for (int c = 0; c < 4; ++c) numbers[row * 4 + c] = static_cast<float>(c + 1);
    const auto by_rows = cuda::load_box<float>({memory, 4, 1, ptdet::Type::kFloat32}, row);
    expect(by_rows.x1 == 1 && by_rows.y1 == 2 && by_rows.x2 == 3 && by_rows.y2 == 4, "rows");
    expect(cuda::load<double>(ptdet::Column{memory, 4, ptdet::Type::kFloat32}, row) == 1, "a column of the rows");
  }
  std::puts("right");
}

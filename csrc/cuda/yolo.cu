// The filter of a YOLO head in two passes: rows are counted, the counts summed, and each row writes its candidates to
// its place. A row is one thread's; in (B, columns, N) a warp reads side by side. Nothing depends on the order of
// threads.
#include "math/yolo.h"
#include "api/dispatch.h"
#include "cuda/load.h"
#include "cuda/scan.h"

namespace ptdet::cuda {
namespace {

template <typename T>
struct RowReader {
  const void* data;
  Type type;
  int64_t at, column_stride;

  __device__ T operator()(int64_t column) const { return load<T>(data, type, at + column * column_stride); }
};

template <typename T>
__device__ RowReader<T> reader(const YoloInput& input, int64_t row) {
  const int64_t image = row / input.rows;
  return {input.data, input.type, image * input.image_stride + (row - image * input.rows) * input.row_stride,
          input.column_stride};
}

__global__ void __launch_bounds__(kScanThreads) running_sum(int64_t* numbers, int64_t count, int64_t* total) {
  const int64_t all = sum_all(numbers, count);
  if (threadIdx.x == 0) *total = all;
}

// counts[row], and the sum of each block.
template <typename T>
__global__ void count_candidates(YoloInput input, YoloRule<T> rule, const bool* wanted, int32_t* counts,
                                 int64_t* block_sums, int64_t* passed) {
  SHARED_ARRAY(int64_t, sums, kBlock);
  const int64_t row = thread_in_grid();
  int count = 0;
  if (row < input.images * input.rows) {
    const RowReader<T> read = reader<T>(input, row);
    if (takes_part(rule, read)) {
      atomicAdd(reinterpret_cast<Counter*>(passed + row / input.rows), Counter(1));
      candidates_of(rule, read, least_asked(rule, read),
                    [&](int64_t label, T) { count += wanted == nullptr || wanted[label]; });
    }
    counts[row] = count;
  }
  int64_t total;
  sum_before(static_cast<int64_t>(count), sums, &total);
  if (threadIdx.x == 0) block_sums[blockIdx.x] = total;
}

template <typename T>
__global__ void write_candidates(YoloInput input, YoloRule<T> rule, const bool* wanted, const int32_t* counts,
                                 const int64_t* block_starts, YoloOutput output) {
  SHARED_ARRAY(int64_t, sums, kBlock);
  const int64_t row = thread_in_grid();
  const int64_t mine = row < input.images * input.rows ? counts[row] : 0;
  int64_t total;
  int64_t at = block_starts[blockIdx.x] + sum_before(mine, sums, &total);
  if (mine == 0) return;
  const RowReader<T> read = reader<T>(input, row);
  const Box<T> box = corners_of<T>(read);
  const int64_t image = row / input.rows;
  candidates_of(rule, read, least_asked(rule, read), [&](int64_t label, T score) {
    if (wanted != nullptr && !wanted[label]) return;
    T* corner = static_cast<T*>(output.boxes) + 4 * at;
    corner[0] = box.x1, corner[1] = box.y1, corner[2] = box.x2, corner[3] = box.y2;
    static_cast<T*>(output.scores)[at] = score;
    output.labels[at] = label;
    output.images[at] = image;
    output.rows[at] = row - image * input.rows;
    ++at;
  });
}

struct Scratch {
  int64_t rows, blocks;
  int64_t* block_sums;  // [blocks], then where each block begins
  int32_t* counts;      // [rows]

  Scratch(void* memory, const YoloInput& input)
      : rows(input.images * input.rows),
        blocks(blocks_for(rows, kBlock)),
        block_sums(static_cast<int64_t*>(memory)),
        counts(reinterpret_cast<int32_t*>(block_sums + blocks)) {}
};

template <typename T>
void launch_count(const YoloInput& input, const YoloParams& params, const Scratch& scratch, int64_t* passed,
                  void* stream) {
  const auto kernel = count_candidates<T>;
  LAUNCH(kernel, scratch.blocks, kBlock, stream, input, yolo_rule<T>(input, params), params.wanted, scratch.counts,
         scratch.block_sums, passed);
}

template <typename T>
void launch_write(const YoloInput& input, const YoloParams& params, const Scratch& scratch, const YoloOutput& output,
                  void* stream) {
  const auto kernel = write_candidates<T>;
  LAUNCH(kernel, scratch.blocks, kBlock, stream, input, yolo_rule<T>(input, params), params.wanted, scratch.counts,
         scratch.block_sums, output);
}

}  // namespace

size_t yolo_scratch_bytes(const YoloInput& input) {
  const int64_t rows = input.images * input.rows;
  return static_cast<size_t>(blocks_for(rows, kBlock)) * sizeof(int64_t) + static_cast<size_t>(rows) * sizeof(int32_t);
}

void yolo_count(const YoloInput& input, const YoloParams& params, void* memory, int64_t* passed, int64_t* count,
                void* stream) {
  const Scratch scratch(memory, input);
  if (scratch.blocks == 0) return;
  with_computed(input.type, [&](auto box) { launch_count<decltype(box)>(input, params, scratch, passed, stream); });
  LAUNCH(running_sum, 1, kScanThreads, stream, scratch.block_sums, scratch.blocks, count);
}

void yolo_write(const YoloInput& input, const YoloParams& params, void* memory, const YoloOutput& output,
                void* stream) {
  const Scratch scratch(memory, input);
  if (scratch.blocks == 0) return;
  with_computed(input.type, [&](auto box) { launch_write<decltype(box)>(input, params, scratch, output, stream); });
}

}  // namespace ptdet::cuda

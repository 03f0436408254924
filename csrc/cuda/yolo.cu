// The filter of a YOLO head in two passes: rows are counted, the counts summed, and each row writes its candidates to
// its place. A row is one thread's, which has eight of its numbers on their way at a time. In (B, columns, N) a warp
// reads rows side by side; in (B, N, columns) the lanes of a warp read pieces of its rows for each other. Nothing
// depends on the order of threads.
#include "math/yolo.h"
#include "api/dispatch.h"
#include "cuda/load.h"
#include "cuda/scan.h"

namespace ptdet::cuda {
namespace {

constexpr int kAtOnce = 8;  // numbers of a row

// The row of a thread; rows beyond the last are read by none.
struct Row {
  int64_t row, image, at;
  bool exists;

  __device__ explicit Row(const YoloInput& input) : row(thread_in_grid()), exists(row < input.images * input.rows) {
    image = exists ? row / input.rows : 0;
    at = exists ? image * input.image_stride + (row - image * input.rows) * input.row_stride : 0;
  }
};

template <typename T>
struct Eight {
  T number[kAtOnce];
  template <int kPlace>
  __device__ T get() const {
    return number[kPlace];
  }
};

// Reads eight columns of each row whose thread wants them. Columns past the last are that one again. All lanes of a
// warp call it together.
template <typename T, typename Stored>
struct ColumnsFirst {
  const Stored* data;
  int64_t column_stride;

  __device__ ColumnsFirst(const YoloInput& input, const Row& row)
      : data(static_cast<const Stored*>(input.data) + row.at), column_stride(input.column_stride) {}

  __device__ Eight<T> operator()(bool wanted, int64_t first, int64_t columns) const {
    Eight<T> eight = {};
    if (!wanted) return eight;
    const Stored* at = data + first * column_stride;
    if (first + kAtOnce <= columns) {
      Stored raw[kAtOnce];
      for (int k = 0; k < kAtOnce; ++k, at += column_stride) raw[k] = *at;
      for (int k = 0; k < kAtOnce; ++k) eight.number[k] = static_cast<T>(raw[k]);
      return eight;
    }
    for (int k = 0; k < kAtOnce; ++k) {
      eight.number[k] = static_cast<T>(*at);
      if (first + k + 1 < columns) at += column_stride;
    }
    return eight;
  }
};

// The same where the columns of a row lie side by side: eight lanes read eight columns of a row, four rows at a time,
// and each lane takes its own row from shared memory.
template <typename T, typename Stored>
struct RowsFirst {
  static constexpr int kStep = kWarp / kAtOnce, kSpaced = kAtOnce + 1;
  const Stored* data;
  Row own;
  T* room;  // of the warp

  __device__ RowsFirst(const YoloInput& input, const Row& row)
      : data(static_cast<const Stored*>(input.data)), own(row) {
    SHARED_ARRAY(T, rooms, kBlock * kSpaced);
    room = rooms + static_cast<int>(threadIdx.x) / kWarp * (kWarp * kSpaced);
  }

  __device__ Eight<T> operator()(bool wanted, int64_t first, int64_t columns) const {
    const int lane = static_cast<int>(threadIdx.x) % kWarp, column = lane % kAtOnce;
    const uint32_t asked = __ballot_sync(kAllLanes, wanted);
    const int64_t here = first + column < columns ? first + column : columns - 1;
    Stored raw[kAtOnce] = {};
    for (int k = 0; k < kAtOnce; ++k) {
      const int r = k * kStep + lane / kAtOnce;
      const int64_t at = __shfl_sync(kAllLanes, own.at, r);
      if (asked >> r & 1) raw[k] = data[at + here];
    }
    __syncwarp(kAllLanes);  // all have taken what was there
    for (int k = 0; k < kAtOnce; ++k) room[(k * kStep + lane / kAtOnce) * kSpaced + column] = static_cast<T>(raw[k]);
    __syncwarp(kAllLanes);
    Eight<T> eight;
    for (int k = 0; k < kAtOnce; ++k) eight.number[k] = room[lane * kSpaced + k];
    return eight;
  }
};

// Calls passed() for a row that takes part, then emit(box, class, confidence) for each of its candidates. `asked`: is
// the row looked at? All lanes of a warp call it together.
template <typename T, typename Reader, typename Passed, typename Emit>
__device__ inline void filter_row(const YoloRule<T>& rule, const Reader& read, bool asked, const Passed& passed,
                                  const Emit& emit) {
  const int first = rule.first_class();
  const int64_t columns = first + rule.classes;
  const Eight<T> head = read(asked, 0, columns);
  const auto of_head = [&](int64_t column) {
    return column == 0   ? head.template get<0>()
           : column == 1 ? head.template get<1>()
           : column == 2 ? head.template get<2>()
           : column == 3 ? head.template get<3>()
                         : head.template get<4>();
  };
  bool open = asked && takes_part(rule, of_head);
  if (open) passed();
  const Box<T> box = corners_of<T>(of_head);
  open = open && rule.classes > 0 && is_finite(box);
  const T least = least_asked(rule, of_head);
  RowCandidates<T> row(rule.objectness ? of_head(4) : T(1));
  const auto with_box = [&](int64_t label, T score) { emit(box, label, score); };
  if (!__any_sync(kAllLanes, open)) return;
  PTDET_ROLLED
  for (int64_t c = 0; c < rule.classes; c += kAtOnce) {
    const Eight<T> values = read(open, first + c, columns);
    bool any = false;
    for (int k = 0; k < kAtOnce; ++k) any = any | !(values.number[k] < least);
    if (!open || !any) continue;
    for (int k = 0; k < kAtOnce; ++k)
      if (c + k < rule.classes && !(values.number[k] < least)) row.show(rule, c + k, values.number[k], with_box);
  }
  if (open) row.finish(rule, with_box);
}

__global__ void __launch_bounds__(kScanThreads) running_sum(int64_t* numbers, int64_t count, int64_t* total) {
  const int64_t all = sum_all(numbers, count);
  if (threadIdx.x == 0) *total = all;
}

// counts[row], and the sum of each block.
template <template <typename, typename> class Reader, typename T, typename Stored>
__global__ void count_candidates(YoloInput input, YoloRule<T> rule, const bool* wanted, int32_t* counts,
                                 int64_t* block_sums, int64_t* passed) {
  SHARED_ARRAY(int64_t, sums, kBlock);
  const Row row(input);
  int count = 0;
  filter_row(
      rule, Reader<T, Stored>(input, row), row.exists,
      [&] { atomicAdd(reinterpret_cast<Counter*>(passed + row.image), Counter(1)); },
      [&](const Box<T>&, int64_t label, T) { count += wanted == nullptr || wanted[label]; });
  if (row.exists) counts[row.row] = count;
  int64_t total;
  sum_before(static_cast<int64_t>(count), sums, &total);
  if (threadIdx.x == 0) block_sums[blockIdx.x] = total;
}

template <template <typename, typename> class Reader, typename T, typename Stored>
__global__ void write_candidates(YoloInput input, YoloRule<T> rule, const bool* wanted, const int32_t* counts,
                                 const int64_t* block_starts, YoloOutput output) {
  SHARED_ARRAY(int64_t, sums, kBlock);
  const Row row(input);
  const int64_t mine = row.exists ? counts[row.row] : 0;
  int64_t total;
  int64_t at = block_starts[blockIdx.x] + sum_before(mine, sums, &total);
  filter_row(
      rule, Reader<T, Stored>(input, row), mine != 0, [] {},
      [&](const Box<T>& box, int64_t label, T score) {
        if (wanted != nullptr && !wanted[label]) return;
        T* corner = static_cast<T*>(output.boxes) + 4 * at;
        corner[0] = box.x1, corner[1] = box.y1, corner[2] = box.x2, corner[3] = box.y2;
        static_cast<T*>(output.scores)[at] = score;
        output.labels[at] = label;
        output.images[at] = row.image;
        output.rows[at] = row.row - row.image * input.rows;
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

// Do the columns of a row lie side by side, and other rows elsewhere?
bool rows_first(const YoloInput& input) { return input.column_stride == 1 && input.row_stride != 1; }

template <typename T, typename Stored>
void launch_count(const YoloInput& input, const YoloParams& params, const Scratch& scratch, int64_t* passed,
                  void* stream) {
  const auto kernel =
      rows_first(input) ? count_candidates<RowsFirst, T, Stored> : count_candidates<ColumnsFirst, T, Stored>;
  LAUNCH(kernel, scratch.blocks, kBlock, stream, input, yolo_rule<T>(input, params), params.wanted, scratch.counts,
         scratch.block_sums, passed);
}

template <typename T, typename Stored>
void launch_write(const YoloInput& input, const YoloParams& params, const Scratch& scratch, const YoloOutput& output,
                  void* stream) {
  const auto kernel =
      rows_first(input) ? write_candidates<RowsFirst, T, Stored> : write_candidates<ColumnsFirst, T, Stored>;
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
  with_stored(input.type, [&](auto stored, auto computed) {
    launch_count<decltype(computed), decltype(stored)>(input, params, scratch, passed, stream);
  });
  LAUNCH(running_sum, 1, kScanThreads, stream, scratch.block_sums, scratch.blocks, count);
}

void yolo_write(const YoloInput& input, const YoloParams& params, void* memory, const YoloOutput& output,
                void* stream) {
  const Scratch scratch(memory, input);
  if (scratch.blocks == 0) return;
  with_stored(input.type, [&](auto stored, auto computed) {
    launch_write<decltype(computed), decltype(stored)>(input, params, scratch, output, stream);
  });
}

}  // namespace ptdet::cuda

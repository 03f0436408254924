// Slots of the images: how many entries of a key (a class of an image, then an image) stand before each entry of keep.
// Runs of keep, one a block, are counted key by key; the counts of the runs before are summed; then each run goes
// through its tiles again. A tile has one writer a key, so nothing depends on the order of threads.
#include <algorithm>

#include "cuda/launch.h"
#include "api/api.h"

namespace ptdet::cuda {
namespace {

constexpr int kTileEntries = 256;
#if defined(PTDET_NMS_TILE)
constexpr int64_t kMostRuns = 3;  // the emulator's tests: several tiles a run with few entries
#else
constexpr int64_t kMostRuns = 1024;
#endif
constexpr int64_t kMostCounters = int64_t{1} << 24;

constexpr int64_t kNoKey = -1;

// Which key an entry counts under.
struct EntryKeys {
  SlotsInput input;
  const int64_t* of_class;  // [entry] entries of its class before it; null: the key is the class, else the image

  __device__ int64_t operator()(int64_t entry) const {
    if (entry >= input.count) return kNoKey;
    const int64_t candidate = input.keep[entry];
    if (candidate < 0 || candidate >= input.candidates) return kNoKey;
    const int64_t group = input.groups[candidate];
    if (group < 0 || group >= input.images * input.classes) return kNoKey;
    if (of_class == nullptr) return group;
    return of_class[entry] < input.max_per_class ? group / input.classes : kNoKey;
  }
};

struct Runs {
  int64_t count, entries;  // how many, and of how many entries each
  int64_t keys;
  int64_t* counters;  // [run][key]
};

__global__ void clear(int64_t* numbers, int64_t count, int64_t value) {
  for (int64_t i = thread_in_grid(); i < count; i += static_cast<int64_t>(gridDim.x) * blockDim.x) numbers[i] = value;
}

// The place of this thread's key among the equal ones of its tile, and whether it is the last of them. Every thread
// of the block calls it; `keys` is free again when the call returns.
__device__ int place_in_tile(int64_t key, int64_t* keys, bool* last) {
  keys[threadIdx.x] = key;
  __syncthreads();
  int before = 0;
  *last = true;
  for (int other = 0; other < static_cast<int>(blockDim.x); ++other) {
    if (keys[other] != key) continue;
    before += other < static_cast<int>(threadIdx.x);
    if (other > static_cast<int>(threadIdx.x)) *last = false;
  }
  __syncthreads();
  return before;
}

// Calls visit(entry, key, rank) for the entries of the block's run that have a key; the counters rise by those seen.
template <typename Visit>
__device__ void through_run(const Runs& runs, const EntryKeys& key_of, int64_t* keys, const Visit& visit) {
  const int64_t first = blockIdx.x * runs.entries;
  int64_t* counters = runs.counters + blockIdx.x * runs.keys;
  for (int64_t tile = first; tile < first + runs.entries; tile += kTileEntries) {
    const int64_t entry = tile + threadIdx.x;
    const int64_t key = entry < first + runs.entries ? key_of(entry) : kNoKey;
    bool last;
    const int place = place_in_tile(key, keys, &last);
    const int64_t rank = key == kNoKey ? 0 : counters[key] + place;
    __syncthreads();  // all have read the counters
    if (key != kNoKey) {
      visit(entry, key, rank);
      if (last) counters[key] = rank + 1;
    }
    __syncthreads();
  }
}

__global__ void __launch_bounds__(kTileEntries) count_run(Runs runs, EntryKeys key_of) {
  SHARED_ARRAY(int64_t, keys, kTileEntries);
  through_run(runs, key_of, keys, [](int64_t, int64_t, int64_t) {});
}

// counters[run][key] becomes the sum of the runs before; totals[key], if wanted, the sum of all, at most `most`.
__global__ void sum_runs(Runs runs, int64_t* totals, int64_t most) {
  const int64_t key = thread_in_grid();
  if (key >= runs.keys) return;
  int64_t before = 0;
  for (int64_t run = 0; run < runs.count; ++run) {
    int64_t& counter = runs.counters[run * runs.keys + key];
    const int64_t mine = counter;
    counter = before;
    before += mine;
  }
  if (totals != nullptr) totals[key] = before < most ? before : most;
}

__global__ void __launch_bounds__(kTileEntries) write_ranks(Runs runs, EntryKeys key_of, int64_t* ranks) {
  SHARED_ARRAY(int64_t, keys, kTileEntries);
  through_run(runs, key_of, keys, [=](int64_t entry, int64_t, int64_t rank) { ranks[entry] = rank; });
}

__global__ void __launch_bounds__(kTileEntries)
    write_slots(Runs runs, EntryKeys key_of, int64_t* slots, int64_t max_per_image) {
  SHARED_ARRAY(int64_t, keys, kTileEntries);
  through_run(runs, key_of, keys, [=](int64_t entry, int64_t image, int64_t rank) {
    if (rank < max_per_image) slots[image * max_per_image + rank] = entry;
  });
}

void fill(int64_t* numbers, int64_t count, int64_t value, void* stream) {
  if (count == 0) return;
  LAUNCH(clear, std::min<int64_t>(blocks_for(count, kBlock), 65536), kBlock, stream, numbers, count, value);
}

Runs runs_for(const SlotsInput& input, int64_t keys, int64_t* counters) {
  const int64_t tiles = std::max<int64_t>(blocks_for(input.count, kTileEntries), 1);
  const int64_t most = std::clamp<int64_t>(kMostCounters / std::max<int64_t>(keys, 1), 1, kMostRuns);
  const int64_t tiles_a_run = blocks_for(tiles, most);
  return {blocks_for(tiles, tiles_a_run), tiles_a_run * kTileEntries, keys, counters};
}

bool limits_classes(const SlotsInput& input) { return input.max_per_class < input.count; }

}  // namespace

size_t image_slots_scratch_bytes(const SlotsInput& input) {
  const int64_t keys = limits_classes(input) ? input.images * input.classes : input.images;
  const int64_t runs = std::max(runs_for(input, keys, nullptr).count * keys,
                                runs_for(input, input.images, nullptr).count * input.images);
  return static_cast<size_t>(runs + input.count) * sizeof(int64_t);
}

void image_slots(const SlotsInput& input, const SlotsOutput& output, void* scratch, void* stream) {
  fill(output.num, input.images, 0, stream);
  fill(output.slots, input.images * input.max_per_image, -1, stream);
  if (input.count == 0 || input.images * input.classes == 0) return;
  int64_t* ranks = static_cast<int64_t*>(scratch);
  int64_t* counters = ranks + input.count;
  if (limits_classes(input)) {
    const Runs runs = runs_for(input, input.images * input.classes, counters);
    const EntryKeys by_class{input, nullptr};
    fill(counters, runs.count * runs.keys, 0, stream);
    LAUNCH(count_run, runs.count, kTileEntries, stream, runs, by_class);
    LAUNCH(sum_runs, blocks_for(runs.keys, kBlock), kBlock, stream, runs, nullptr, 0);
    LAUNCH(write_ranks, runs.count, kTileEntries, stream, runs, by_class, ranks);
  } else {
    fill(ranks, input.count, -1, stream);  // below any limit
  }
  const Runs runs = runs_for(input, input.images, counters);
  const EntryKeys by_image{input, ranks};
  fill(counters, runs.count * runs.keys, 0, stream);
  LAUNCH(count_run, runs.count, kTileEntries, stream, runs, by_image);
  LAUNCH(sum_runs, blocks_for(runs.keys, kBlock), kBlock, stream, runs, output.num, input.max_per_image);
  LAUNCH(write_slots, runs.count, kTileEntries, stream, runs, by_image, output.slots, input.max_per_image);
}

}  // namespace ptdet::cuda

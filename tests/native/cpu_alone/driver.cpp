// Runs the CPU kernels without torch on cases from stdin, one after the other at 1, 2 and 3 threads in turn. A case is
// what tests/cuda_emulator/harness.py encodes; the answer: kept, keep[count], owner[count]. `driver isa` names the
// instruction set instead.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include "api/api.h"

namespace {

using ptdet::Type;

struct Header {
  int64_t count, boxes_bytes, boxes_type, row_stride, column_stride;
  int64_t scores_bytes, scores_type, scores_stride;
  int64_t groups_bytes, groups_type, groups_stride;  // type -1: absent
  int64_t metric, inclusive, has_score_threshold, max_output, want_owner;
  double iou_threshold, score_threshold;
};

struct Memory {
  std::mutex mutex;
  std::vector<void*> blocks;
  ~Memory() {
    for (void* block : blocks) std::free(block);
  }
};

void* allocate(void* context, size_t bytes) {
  Memory& memory = *static_cast<Memory*>(context);
  void* block = std::aligned_alloc(64, (bytes + 64) / 64 * 64);
  if (block == nullptr) std::abort();
  const std::lock_guard<std::mutex> lock(memory.mutex);
  memory.blocks.push_back(block);
  return block;
}

template <int kThreads>
void parallel_for(void*, int64_t tasks, void (*body)(void* argument, int64_t i), void* argument) {
  std::atomic<int64_t> next{0};
  const auto work = [&] {
    for (int64_t i = next++; i < tasks; i = next++) body(argument, i);
  };
  std::vector<std::thread> others;
  for (int t = 1; t < kThreads; ++t) others.emplace_back(work);
  work();
  for (std::thread& other : others) other.join();
}

ptdet::cpu::Host host(Memory& memory, int threads) {
  const auto loop = threads == 1 ? &parallel_for<1> : threads == 2 ? &parallel_for<2> : &parallel_for<3>;
  return {&memory, threads, loop, &allocate};
}

bool read(void* to, int64_t bytes) {
  const size_t wanted = static_cast<size_t>(bytes);
  return std::fread(to, 1, wanted, stdin) == wanted;
}

void run(const Header& h, const char* boxes, const char* scores, const char* groups, int threads) {
  ptdet::NmsInput input;
  input.count = h.count;
  input.boxes = {boxes, h.row_stride, h.column_stride, static_cast<Type>(h.boxes_type)};
  input.scores = {scores, h.scores_stride, static_cast<Type>(h.scores_type)};
  if (h.groups_type >= 0) input.groups = {groups, h.groups_stride, static_cast<Type>(h.groups_type)};
  ptdet::NmsParams params;
  params.iou_threshold = h.iou_threshold;
  params.inclusive = h.inclusive != 0;
  params.metric = static_cast<ptdet::Metric>(h.metric);
  params.has_score_threshold = h.has_score_threshold != 0;
  params.score_threshold = h.score_threshold;
  params.max_output = h.max_output;
  const size_t n = static_cast<size_t>(h.count);
  std::vector<int64_t> keep(n), owner(n), kept(1);
  Memory memory;
  const ptdet::NmsOutput output{keep.data(), h.want_owner ? owner.data() : nullptr, kept.data()};
  ptdet::cpu::nms(input, params, output, host(memory, threads));
  for (const auto* part : {&kept, &keep, &owner}) std::fwrite(part->data(), sizeof(int64_t), part->size(), stdout);
}

}  // namespace

int main(int count, char** arguments) {
  if (count > 1 && std::strcmp(arguments[1], "isa") == 0) {
    std::puts(ptdet::cpu::instruction_set());
    return 0;
  }
  Header h;
  for (int place = 0; read(&h, sizeof(h)); ++place) {
    std::vector<char> boxes(static_cast<size_t>(h.boxes_bytes)), scores(static_cast<size_t>(h.scores_bytes)),
        groups(static_cast<size_t>(h.groups_bytes));
    if (!read(boxes.data(), h.boxes_bytes) || !read(scores.data(), h.scores_bytes) ||
        !read(groups.data(), h.groups_bytes)) {
      std::fprintf(stderr, "driver: a case ends early\n");
      return 1;
    }
    run(h, boxes.data(), scores.data(), groups.data(), 1 + place % 3);
  }
  return 0;
}

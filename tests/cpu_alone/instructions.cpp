// Fixed cases of the CPU kernels for callgrind, without torch, on one thread: one call of `measured` a case, in the
// order in which `instructions names` lists them. The boxes come from integers alone, so they are the same everywhere.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "kernels.h"

namespace {

struct Memory {
  std::vector<void*> blocks;
  ~Memory() {
    for (void* block : blocks) std::free(block);
  }
};

void* allocate(void* context, size_t bytes) {
  void* block = std::aligned_alloc(64, (bytes + 64) / 64 * 64);
  if (block == nullptr) std::abort();
  static_cast<Memory*>(context)->blocks.push_back(block);
  return block;
}

void parallel_for(void*, int64_t tasks, void (*body)(void* argument, int64_t i), void* argument) {
  for (int64_t i = 0; i < tasks; ++i) body(argument, i);
}

// splitmix64 (Steele, Lea, Flood 2014); a whole number below `most`.
struct Random {
  uint64_t state;
  int64_t below(int64_t most) {
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return static_cast<int64_t>((z ^ z >> 31) >> 33) % most;
  }
};

struct Case {
  const char* name;
  int64_t count;
  bool clustered;
  int64_t classes;
};

constexpr Case kCases[] = {
    {"clustered 100", 100, true, 1},   {"clustered 1000", 1000, true, 1},   {"clustered 10000", 10000, true, 1},
    {"scattered 100", 100, false, 1},  {"scattered 1000", 1000, false, 1},  {"scattered 10000", 10000, false, 1},
    {"80 classes 100", 100, true, 80}, {"80 classes 1000", 1000, true, 80}, {"80 classes 10000", 10000, true, 80},
};

struct Input {
  std::vector<float> boxes, scores;
  std::vector<int64_t> classes;
};

// As ptdet.testing draws them: twelve jittered boxes an object on 640 px, or 15 to 45 px on an area that grows.
Input draw(const Case& c) {
  Random random{static_cast<uint64_t>(c.count) * 2 + c.clustered};
  Input input;
  int64_t side = 1;
  while (side * side < c.count * 6400) ++side;
  float centre_x = 0, centre_y = 0, wide = 0, high = 0;
  for (int64_t i = 0; i < c.count; ++i) {
    if (!c.clustered || i % 12 == 0) {
      const int64_t area = c.clustered ? 640 : side, least = c.clustered ? 20 : 15, more = c.clustered ? 100 : 30;
      centre_x = static_cast<float>(random.below(area * 16)) / 16;
      centre_y = static_cast<float>(random.below(area * 16)) / 16;
      wide = static_cast<float>(least * 16 + random.below(more * 16)) / 16;
      high = static_cast<float>(least * 16 + random.below(more * 16)) / 16;
    }
    const float shift = c.clustered ? 1.0f / 8 : 0.0f;
    const float x = centre_x + wide * shift * static_cast<float>(random.below(257) - 128) / 128;
    const float y = centre_y + high * shift * static_cast<float>(random.below(257) - 128) / 128;
    for (const float edge : {x - wide / 2, y - high / 2, x + wide / 2, y + high / 2}) input.boxes.push_back(edge);
    input.scores.push_back(static_cast<float>(random.below(1 << 24)) / (1 << 24));
    input.classes.push_back(random.below(c.classes));
  }
  return input;
}

}  // namespace

extern "C" __attribute__((noinline)) void measured(const ptdet::NmsInput& input, const ptdet::NmsParams& params,
                                                   const ptdet::NmsOutput& output, const ptdet::cpu::Host& host) {
  ptdet::cpu::nms(input, params, output, host);
}

int main(int count, char** arguments) {
  const bool names = count > 1 && std::strcmp(arguments[1], "names") == 0;
  if (!names) std::puts(ptdet::cpu::instruction_set());
  for (const Case& c : kCases) {
    if (names) {
      std::puts(c.name);
      continue;
    }
    const Input drawn = draw(c);
    ptdet::NmsInput input;
    input.count = c.count;
    input.boxes.data = drawn.boxes.data();
    input.scores.data = drawn.scores.data();
    if (c.classes > 1) input.groups = {drawn.classes.data(), 1, ptdet::Type::kInt64};
    ptdet::NmsParams params;
    params.max_output = c.count;
    std::vector<int64_t> keep(static_cast<size_t>(c.count));
    int64_t kept = 0;
    Memory memory;
    measured(input, params, {keep.data(), nullptr, &kept}, {&memory, 1, &parallel_for, &allocate});
    std::printf("%lld\n", static_cast<long long>(kept));
  }
  return 0;
}

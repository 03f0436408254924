// Fixed cases of the CPU kernels for callgrind, without torch, on one thread: one call of `measured` a case, in the
// order in which `instructions names` lists them; with `corners` as the last argument those of boxes that lie one on
// the other, each at two sizes. The boxes come from integers alone, so they are the same everywhere.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <vector>

#include "api/api.h"

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

enum class Scene { kScattered, kClustered, kIdentical, kOverlapping, kRow, kRotated };
enum class Method { kNms, kFast, kMatrix, kGreedyNmm, kNmm };

struct Case {
  const char* name;
  int64_t count;
  Scene scene;
  int64_t classes = 1;
  Method method = Method::kNms;
  ptdet::Metric metric = ptdet::Metric::kIou;
  double threshold = 0.5;
};

constexpr Case kUsual[] = {
    {"clustered 100", 100, Scene::kClustered},          {"clustered 1000", 1000, Scene::kClustered},
    {"clustered 10000", 10000, Scene::kClustered},      {"scattered 100", 100, Scene::kScattered},
    {"scattered 1000", 1000, Scene::kScattered},        {"scattered 10000", 10000, Scene::kScattered},
    {"80 classes 100", 100, Scene::kClustered, 80},     {"80 classes 1000", 1000, Scene::kClustered, 80},
    {"80 classes 10000", 10000, Scene::kClustered, 80},
};

constexpr auto kIou = ptdet::Metric::kIou, kIof = ptdet::Metric::kIof, kIos = ptdet::Metric::kIos,
               kProbiou = ptdet::Metric::kProbiou;
constexpr Case kCorners[] = {
    {"identical, nms, 1.0, 4000", 4000, Scene::kIdentical, 1, Method::kNms, kIou, 1.0},
    {"identical, nms, 1.0, 8000", 8000, Scene::kIdentical, 1, Method::kNms, kIou, 1.0},
    {"identical, fast_nms, 4000", 4000, Scene::kIdentical, 1, Method::kFast},
    {"identical, fast_nms, 8000", 8000, Scene::kIdentical, 1, Method::kFast},
    {"identical, matrix_nms, 4000", 4000, Scene::kIdentical, 1, Method::kMatrix},
    {"identical, matrix_nms, 8000", 8000, Scene::kIdentical, 1, Method::kMatrix},
    {"identical, nmm, 4000", 4000, Scene::kIdentical, 1, Method::kNmm, kIos},
    {"identical, nmm, 8000", 8000, Scene::kIdentical, 1, Method::kNmm, kIos},
    {"overlapping, nms iou, .999, 4000", 4000, Scene::kOverlapping, 1, Method::kNms, kIou, .999},
    {"overlapping, nms iou, .999, 8000", 8000, Scene::kOverlapping, 1, Method::kNms, kIou, .999},
    {"overlapping, nms iof, .999, 4000", 4000, Scene::kOverlapping, 1, Method::kNms, kIof, .999},
    {"overlapping, nms iof, .999, 8000", 8000, Scene::kOverlapping, 1, Method::kNms, kIof, .999},
    {"overlapping, nms ios, .999, 4000", 4000, Scene::kOverlapping, 1, Method::kNms, kIos, .999},
    {"overlapping, nms ios, .999, 8000", 8000, Scene::kOverlapping, 1, Method::kNms, kIos, .999},
    {"overlapping, greedy_nmm, .999, 4000", 4000, Scene::kOverlapping, 1, Method::kGreedyNmm, kIos, .999},
    {"overlapping, greedy_nmm, .999, 8000", 8000, Scene::kOverlapping, 1, Method::kGreedyNmm, kIos, .999},
    {"overlapping, nmm, 4000", 4000, Scene::kOverlapping, 1, Method::kNmm, kIos},
    {"overlapping, nmm, 8000", 8000, Scene::kOverlapping, 1, Method::kNmm, kIos},
    {"overlapping, fast_nms, 4000", 4000, Scene::kOverlapping, 1, Method::kFast},
    {"overlapping, fast_nms, 8000", 8000, Scene::kOverlapping, 1, Method::kFast},
    {"overlapping, matrix_nms, 4000", 4000, Scene::kOverlapping, 1, Method::kMatrix},
    {"overlapping, matrix_nms, 8000", 8000, Scene::kOverlapping, 1, Method::kMatrix},
    {"row, nms, 0, 4000", 4000, Scene::kRow, 1, Method::kNms, kIou, 0},
    {"row, nms, 0, 8000", 8000, Scene::kRow, 1, Method::kNms, kIou, 0},
    {"rotated, nms, 4000", 4000, Scene::kRotated, 1, Method::kNms, kIou, .3},
    {"rotated, nms, 8000", 8000, Scene::kRotated, 1, Method::kNms, kIou, .3},
    {"rotated, nms probiou, 4000", 4000, Scene::kRotated, 1, Method::kNms, kProbiou, .45},
    {"rotated, nms probiou, 8000", 8000, Scene::kRotated, 1, Method::kNms, kProbiou, .45},
    {"rotated, fast_nms probiou, 4000", 4000, Scene::kRotated, 1, Method::kFast, kProbiou, .45},
    {"rotated, fast_nms probiou, 8000", 8000, Scene::kRotated, 1, Method::kFast, kProbiou, .45},
};

struct Input {
  std::vector<float> boxes, scores;
  std::vector<int64_t> classes;
};

// Twelve jittered boxes an object, of 1 : 3 and in one direction, on an area that grows.
Input draw_rotated(const Case& c) {
  Random random{static_cast<uint64_t>(c.count)};
  const auto share = [&] { return static_cast<float>(random.below(1 << 12)) / (1 << 12); };
  int64_t side = 1;
  while (side * side < c.count * 400) ++side;
  Input input;
  float box[5] = {};
  for (int64_t i = 0; i < c.count; ++i) {
    if (i % 12 == 0) {
      const float wide = 20 + 100 * share();
      const float drawn[] = {static_cast<float>(random.below(side)), static_cast<float>(random.below(side)), wide,
                             wide / 3, 3 * share()};
      for (int k = 0; k < 5; ++k) box[k] = drawn[k];
    }
    const float by[] = {box[2] / 8, box[3] / 8, box[2] / 8, box[3] / 8, 0.125f};
    for (int k = 0; k < 5; ++k) input.boxes.push_back(box[k] + by[k] * (share() - 0.5f));
    input.scores.push_back(share());
  }
  return input;
}

// One in all places; sides between 40 and 100 around one point; or a row in which each meets the next.
Input draw_corner(const Case& c) {
  Random random{static_cast<uint64_t>(c.count)};
  Input input;
  for (int64_t i = 0; i < c.count; ++i) {
    for (int edge = 0; edge < 4; ++edge) {
      const float start = edge < 2 ? 0.0f : c.scene == Scene::kOverlapping ? 70.0f : 10.0f;
      const float moved = c.scene == Scene::kOverlapping ? static_cast<float>(random.below(30 << 12)) / (1 << 12)
                          : c.scene == Scene::kRow && edge % 2 == 0 ? static_cast<float>(6 * i)
                                                                    : 0.0f;
      input.boxes.push_back(start + moved);
    }
    input.scores.push_back(static_cast<float>(random.below(1 << 24)) / (1 << 24));
  }
  return input;
}

// As ptdet.testing draws them: twelve jittered boxes an object on 640 px, or 15 to 45 px on an area that grows.
Input draw(const Case& c) {
  const bool clustered = c.scene == Scene::kClustered;
  Random random{static_cast<uint64_t>(c.count) * 2 + clustered};
  Input input;
  int64_t side = 1;
  while (side * side < c.count * 6400) ++side;
  float centre_x = 0, centre_y = 0, wide = 0, high = 0;
  for (int64_t i = 0; i < c.count; ++i) {
    if (!clustered || i % 12 == 0) {
      const int64_t area = clustered ? 640 : side, least = clustered ? 20 : 15, more = clustered ? 100 : 30;
      centre_x = static_cast<float>(random.below(area * 16)) / 16;
      centre_y = static_cast<float>(random.below(area * 16)) / 16;
      wide = static_cast<float>(least * 16 + random.below(more * 16)) / 16;
      high = static_cast<float>(least * 16 + random.below(more * 16)) / 16;
    }
    const float shift = clustered ? 1.0f / 8 : 0.0f;
    const float x = centre_x + wide * shift * static_cast<float>(random.below(257) - 128) / 128;
    const float y = centre_y + high * shift * static_cast<float>(random.below(257) - 128) / 128;
    for (const float edge : {x - wide / 2, y - high / 2, x + wide / 2, y + high / 2}) input.boxes.push_back(edge);
    input.scores.push_back(static_cast<float>(random.below(1 << 24)) / (1 << 24));
    input.classes.push_back(random.below(c.classes));
  }
  return input;
}

// Room for the answer of any method.
struct Answer {
  explicit Answer(int64_t count) : indices(static_cast<size_t>(2 * count)), numbers(static_cast<size_t>(5 * count)) {}
  std::vector<int64_t> indices;
  std::vector<float> numbers;
  int64_t kept = 0;
};

extern "C" __attribute__((noinline)) void measured(const Case& c, const ptdet::NmsInput& input, Answer& answer,
                                                   const ptdet::cpu::Host& host) {
  ptdet::NmsParams pass;
  pass.iou_threshold = c.threshold;
  pass.metric = c.metric;
  pass.max_output = c.count;
  pass.inclusive = c.method == Method::kGreedyNmm || c.method == Method::kNmm;
  const bool wants_owner = c.method != Method::kNms;
  const ptdet::NmsOutput output{answer.indices.data(), wants_owner ? answer.indices.data() + c.count : nullptr,
                                &answer.kept};
  switch (c.method) {
    case Method::kNms:
      return input.numbers == 5 ? ptdet::cpu::rotated_nms(input, pass, output, host)
                                : ptdet::cpu::nms(input, pass, output, host);
    case Method::kFast: return ptdet::cpu::fast_nms(input, pass, output, host);
    case Method::kMatrix: {
      ptdet::MatrixParams params;
      params.pass = pass;
      return ptdet::cpu::matrix_nms(input, params, {output, answer.numbers.data()}, host);
    }
    case Method::kGreedyNmm:
    case Method::kNmm: {
      const ptdet::NmmParams params{pass, c.method == Method::kNmm};
      return ptdet::cpu::nmm(input, params, {output, answer.numbers.data(), nullptr}, host);
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  const auto asked = [&](const char* word) {
    for (int i = 1; i < count; ++i)
      if (std::strcmp(arguments[i], word) == 0) return true;
    return false;
  };
  const bool names = asked("names"), corners = asked("corners");
  if (!names) std::puts(ptdet::cpu::instruction_set());
  const Case* const end = corners ? std::end(kCorners) : std::end(kUsual);
  for (const Case* c = corners ? kCorners : kUsual; c != end; ++c) {
    if (names) {
      std::puts(c->name);
      continue;
    }
    const bool rotated = c->scene == Scene::kRotated;
    const Input drawn = rotated ? draw_rotated(*c) : corners ? draw_corner(*c) : draw(*c);
    ptdet::NmsInput input;
    if (rotated) input.numbers = input.boxes.row_stride = 5;
    input.count = c->count;
    input.boxes.data = drawn.boxes.data();
    input.scores.data = drawn.scores.data();
    if (c->classes > 1) input.groups = {drawn.classes.data(), 1, ptdet::Type::kInt64};
    Answer answer(c->count);
    Memory memory;
    measured(*c, input, answer, {&memory, 1, &parallel_for, &allocate});
    std::printf("%lld\n", static_cast<long long>(answer.kept));
  }
  return 0;
}

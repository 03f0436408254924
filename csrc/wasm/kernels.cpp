// The kernels for a page in the browser: one exported function for every method of suppression, and one that matches
// with a truth. The page fills a Call and its arrays in the module's memory; nothing here checks them, because the page
// does.
#include <algorithm>
#include <cstdlib>

#include "api/api.h"
#include "cpu/parallel.h"

#define PTDET_EXPORT(name) extern "C" __attribute__((export_name(name), used))

namespace ptdet {
namespace {

// The order is that of KERNELS in kernels.js.
enum class Kernel : int { kHard, kAnd, kMerge, kSoft, kFast, kMatrix, kNmm, kWbf };

// What the page writes, as an array of doubles: the order is that of CALL in kernels.js. What a kernel does not take is
// not read.
struct Call {
  double kernel;
  double metric;
  double numbers;  // of a box: 4, or 5 for rotated ones
  double count;
  double boxes_are_double;
  double scores_are_double;
  double iou_threshold;
  double inclusive;
  double beta;
  double overlap_threshold;  // and
  double members;            // merge
  double by_overlap;         // merge
  double sigma;              // soft, matrix
  double min_score;          // soft, matrix
  double decay;              // soft, matrix
  double reselect;           // soft
  double members_propagate;  // nmm
  double confidence;         // wbf
  double allows_overflow;    // wbf
};

template <typename E>
E named(double place) {
  return static_cast<E>(static_cast<int>(place));
}

// One thread, and memory that lives as long as the call.
class OneCall {
 public:
  OneCall() = default;
  OneCall(const OneCall&) = delete;
  OneCall& operator=(const OneCall&) = delete;
  ~OneCall() {
    while (last_ != nullptr) {
      Block* before = last_->before;
      std::free(last_);
      last_ = before;
    }
  }
  const cpu::Host& get() const { return host_; }

 private:
  struct alignas(64) Block {
    Block* before;
  };

  static void parallel_for(void*, int64_t tasks, void (*body)(void*, int64_t), void* argument) {
    for (int64_t i = 0; i < tasks; ++i) body(argument, i);
  }
  static void* allocate(void* context, size_t bytes) {
    auto& last = static_cast<OneCall*>(context)->last_;
    const size_t rounded = (bytes + sizeof(Block) - 1) / sizeof(Block) * sizeof(Block);
    auto* block = static_cast<Block*>(std::aligned_alloc(alignof(Block), sizeof(Block) + rounded));
    if (block == nullptr) __builtin_trap();  // the page is told by a RuntimeError
    block->before = last;
    last = block;
    return block + 1;
  }

  Block* last_ = nullptr;
  cpu::Host host_{this, 1, &parallel_for, &allocate};
};

}  // namespace

PTDET_EXPORT("allocate") void* allocate(size_t bytes) { return std::malloc(bytes); }

PTDET_EXPORT("release") void release(void* memory) { std::free(memory); }

// How many boxes are kept; below 0: why there is no result (api/nms.h, api/methods.h). groups: (count) int32, or null.
// keep and owner: (count) int64. moved: (count, numbers), of the boxes' type, and lowered: (count), of the scores', are
// written by the kernels that move boxes or lower scores.
PTDET_EXPORT("suppress")
int32_t suppress(const Call* call, const void* boxes, const void* scores, const int32_t* groups, int64_t* keep,
                 int64_t* owner, void* moved, void* lowered) {
  NmsInput input;
  input.count = static_cast<int64_t>(call->count);
  input.numbers = static_cast<int64_t>(call->numbers);
  input.boxes = {boxes, input.numbers, 1, call->boxes_are_double != 0 ? Type::kFloat64 : Type::kFloat32};
  input.scores = {scores, 1, call->scores_are_double != 0 ? Type::kFloat64 : Type::kFloat32};
  input.groups = {groups, 1, Type::kInt32};
  NmsParams pass;
  pass.iou_threshold = call->iou_threshold;
  pass.inclusive = call->inclusive != 0;
  pass.metric = named<Metric>(call->metric);
  pass.beta = call->beta;
  pass.max_output = input.count;
  int64_t kept = 0;
  const NmsOutput output{keep, owner, &kept};
  const auto decay = named<Decay>(call->decay);
  const MergeParams merge{pass, named<Members>(call->members), call->by_overlap != 0};
  const WbfParams wbf{pass, named<Confidence>(call->confidence), call->allows_overflow != 0};
  const OneCall host;
  switch (named<Kernel>(call->kernel)) {
    case Kernel::kHard: (input.numbers == 5 ? cpu::rotated_nms : cpu::nms)(input, pass, output, host.get()); break;
    case Kernel::kAnd: cpu::and_nms(input, {pass, call->overlap_threshold}, output, host.get()); break;
    case Kernel::kMerge: cpu::merge_nms(input, merge, {output, moved}, host.get()); break;
    case Kernel::kSoft:
      cpu::soft_nms(input, {pass, call->sigma, call->min_score, decay, call->reselect != 0}, {output, lowered},
                    host.get());
      break;
    case Kernel::kFast: cpu::fast_nms(input, pass, output, host.get()); break;
    case Kernel::kMatrix:
      cpu::matrix_nms(input, {pass, call->sigma, call->min_score, decay}, {output, lowered}, host.get());
      break;
    case Kernel::kNmm:
      cpu::nmm(input, {pass, call->members_propagate != 0}, {output, moved, nullptr}, host.get());
      break;
    case Kernel::kWbf: cpu::wbf({input, {}, {}, 1}, wbf, {output, moved, lowered}, host.get()); break;
  }
  return static_cast<int32_t>(kept);
}

// One picture against its truth, at one IoU (api/evaluation.h). Boxes have `numbers` doubles, x, y, width, height, or
// five of rotated ones; labels are in [0, classes). skipped: of an object, 1 where it is neither found nor missed, 2 of
// a crowd. The best `most` of a class count, and of boxes that find nothing those up to an area of `largest`.
// outcome and taken: (found), as MatchOutput has them.
PTDET_EXPORT("match_truth")
void match_truth(double numbers, double classes, double found, const double* found_boxes, const int32_t* found_labels,
                 const double* scores, double objects, const double* object_boxes, const int32_t* object_labels,
                 const int32_t* skipped, double iou, double most, double largest, uint8_t* outcome, int64_t* taken) {
  const OneCall memory;
  const cpu::Host& host = memory.get();
  const auto boxes = [&](double count, const double* rows, const int32_t* classes_of) {
    const auto length = static_cast<int64_t>(count);
    int64_t* labels = cpu::allocate<int64_t>(host, length);
    std::copy_n(classes_of, length, labels);
    int64_t* images = cpu::allocate<int64_t>(host, length);
    std::fill_n(images, length, int64_t{0});
    return DataSetBoxes{length, static_cast<int64_t>(numbers), rows, labels, images};
  };
  MatchInput input;
  input.images = 1;
  input.classes = static_cast<int64_t>(classes);
  input.found = boxes(found, found_boxes, found_labels);
  input.truth = boxes(objects, object_boxes, object_labels);
  input.scores = scores;
  const int64_t count = input.truth.count;
  bool* crowd = cpu::allocate<bool>(host, count);
  bool* ignore = cpu::allocate<bool>(host, count);
  double* area = cpu::allocate<double>(host, count);
  for (int64_t g = 0; g < count; ++g) {
    crowd[g] = skipped[g] == 2;
    ignore[g] = skipped[g] != 0;
    area[g] = 0;  // the page has looked at it
  }
  input.crowd = crowd;
  input.ignore = ignore;
  input.area = area;
  const double range[] = {0, largest};
  input.thresholds = &iou;
  input.ranges = range;
  input.num_thresholds = input.num_ranges = 1;
  input.most = static_cast<int64_t>(most);
  int64_t* rank = cpu::allocate<int64_t>(host, input.found.count);
  int64_t* order = cpu::allocate<int64_t>(host, input.found.count);
  cpu::evaluation_match(input, {outcome, rank, order, taken}, host);
}

}  // namespace ptdet

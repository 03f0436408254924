// Runs the CUDA kernels of the YOLO filter and of the images' slots on cases from stdin, as the torch room would
// (tests/cuda_emulator/yolo.py writes them). A case: kind, then a header and the bytes of its arrays.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "api/api.h"

namespace {

// One heap block each, so that AddressSanitizer sees the ends.
template <typename E>
struct Array {
  E* data;
  int64_t count;
  explicit Array(int64_t n) : data(static_cast<E*>(std::malloc(sizeof(E) * static_cast<size_t>(n)))), count(n) {}
  ~Array() { std::free(data); }
  Array(const Array&) = delete;
  void write() const { std::fwrite(data, sizeof(E), static_cast<size_t>(count), stdout); }
};

void read(void* to, int64_t bytes) {
  const size_t wanted = static_cast<size_t>(bytes);
  if (std::fread(to, 1, wanted, stdin) == wanted) return;
  std::fprintf(stderr, "yolo_driver: a case ends early\n");
  std::exit(1);
}

void filter() {
  struct {
    int64_t bytes, type, images, rows, classes, image_stride, row_stride, column_stride;
    int64_t objectness, logits, multi_label, limited, has_wanted;
    double objectness_threshold, confidence_threshold, min_side, max_side;
  } h;
  read(&h, sizeof(h));
  Array<char> prediction(h.bytes), wanted(h.has_wanted ? h.classes : 0);
  read(prediction.data, h.bytes);
  read(wanted.data, wanted.count);
  ptdet::YoloInput input{prediction.data, h.images,     h.rows,          h.classes,
                         h.image_stride,  h.row_stride, h.column_stride, static_cast<ptdet::Type>(h.type)};
  ptdet::YoloParams params;
  params.objectness = h.objectness != 0;
  params.logits = h.logits != 0;
  params.multi_label = h.multi_label != 0;
  params.objectness_threshold = h.objectness_threshold;
  params.has_confidence_threshold = h.limited != 0;
  params.confidence_threshold = h.confidence_threshold;
  params.min_side = h.min_side;
  params.max_side = h.max_side;
  params.wanted = h.has_wanted ? reinterpret_cast<const bool*>(wanted.data) : nullptr;

  Array<int64_t> passed(h.images), count(1);
  std::memset(passed.data, 0, sizeof(int64_t) * static_cast<size_t>(h.images));
  *count.data = 0;
  Array<int64_t> scratch((static_cast<int64_t>(ptdet::cuda::yolo_scratch_bytes(input)) + 7) / 8);
  ptdet::cuda::yolo_count(input, params, scratch.data, passed.data, count.data, nullptr);
  const int64_t n = *count.data, size = input.type == ptdet::Type::kFloat64 ? 8 : 4;
  Array<char> boxes(4 * n * size), scores(n * size);
  Array<int64_t> labels(n), images(n), rows(n);
  ptdet::cuda::yolo_write(input, params, scratch.data, {boxes.data, scores.data, labels.data, images.data, rows.data},
                          nullptr);
  count.write();
  boxes.write();
  scores.write();
  labels.write();
  images.write();
  rows.write();
  passed.write();
}

void slots() {
  struct {
    int64_t count, candidates, images, classes, max_per_image, max_per_class;
  } h;
  read(&h, sizeof(h));
  Array<int64_t> keep(h.count), groups(h.candidates), num(h.images), slots(h.images * h.max_per_image);
  read(keep.data, h.count * 8);
  read(groups.data, h.candidates * 8);
  const ptdet::SlotsInput input{h.count,  keep.data, h.candidates,    groups.data,
                                h.images, h.classes, h.max_per_image, h.max_per_class};
  Array<int64_t> scratch((static_cast<int64_t>(ptdet::cuda::image_slots_scratch_bytes(input)) + 7) / 8);
  ptdet::cuda::image_slots(input, {num.data, slots.data}, scratch.data, nullptr);
  num.write();
  slots.write();
}

}  // namespace

int main() {
  int64_t kind;
  while (std::fread(&kind, sizeof(kind), 1, stdin) == 1) kind == 0 ? filter() : slots();
  return 0;
}

// Runs the kernels over pairs of boxes on cases from stdin. A case: int64[23], double[4] and the bytes of both sets of
// boxes and of the gradient (pairs.py writes them). The answer: the numbers of each result, one after the other.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "api/api.h"

namespace {

using ptdet::Type;

struct Set {
  int64_t bytes, type, row_stride, column_stride, batch_stride;
};

struct Header {
  // 0: all pairs, 1: their gradient, 2: a loss, 3: its gradient by kept slopes, 4: by the boxes; of rotated boxes
  // 5: all pairs, 6: box by box, 7: their gradient
  int64_t work;
  int64_t batch, rows, columns;
  Set a, b;
  int64_t gradient_bytes, one_a_row;
  int64_t metric, loss, penalties, wanted_a, wanted_b, wide, gradient_stride;
  double eps, joint_eps, power, scale;
};

// One heap block each, so that AddressSanitizer sees the ends.
struct Block {
  char* data;
  size_t size;
  explicit Block(int64_t bytes) : data(static_cast<char*>(std::malloc(static_cast<size_t>(bytes)))), size(bytes) {}
  ~Block() { std::free(data); }
  Block(const Block&) = delete;
  bool read() { return std::fread(data, 1, size, stdin) == size; }
  void write() const { std::fwrite(data, 1, size, stdout); }
};

ptdet::BoxColumn boxes_of(const Set& set, const Block& block) {
  return {block.data, set.row_stride, set.column_stride, static_cast<Type>(set.type)};
}

ptdet::PairwiseInput pairwise_input(const Header& h, const Block& a, const Block& b) {
  ptdet::PairwiseInput input;
  input.batch = h.batch;
  input.rows = h.rows;
  input.columns = h.columns;
  input.a = boxes_of(h.a, a);
  input.b = boxes_of(h.b, b);
  input.a_batch_stride = h.a.batch_stride;
  input.b_batch_stride = h.b.batch_stride;
  input.params = {static_cast<ptdet::Metric>(h.metric), h.eps, h.joint_eps};
  return input;
}

void run_pairwise(const Header& h, const Block& a, const Block& b, const Block& gradient, int64_t number) {
  const ptdet::PairwiseInput input = pairwise_input(h, a, b);
  if (h.work == 0) {
    const Block out(number * h.batch * h.rows * h.columns);
    ptdet::cuda::pairwise_overlap(input, out.data, nullptr);
    return out.write();
  }
  const Block by_a(h.wanted_a * 4 * number * h.batch * h.rows), by_b(h.wanted_b * 4 * number * h.batch * h.columns);
  const int64_t stride = h.one_a_row ? 0 : h.columns;
  ptdet::cuda::pairwise_overlap_backward(input, {gradient.data, h.rows * stride, stride, h.one_a_row != 0},
                                         h.wanted_a ? by_a.data : nullptr, h.wanted_b ? by_b.data : nullptr, nullptr);
  by_a.write();
  by_b.write();
}

ptdet::LossInput loss_input(const Header& h, const Block& a, const Block& b) {
  ptdet::LossInput input;
  input.count = h.rows;
  input.a = boxes_of(h.a, a);
  input.b = boxes_of(h.b, b);
  input.params.overlap = {static_cast<ptdet::Metric>(h.metric), h.eps, h.joint_eps};
  input.params.loss = static_cast<ptdet::Loss>(h.loss);
  input.params.penalties = static_cast<unsigned>(h.penalties);
  input.params.power = h.power;
  input.params.scale = h.scale;
  return input;
}

void run_loss(const Header& h, const Block& a, const Block& b, const Block& gradient, int64_t number) {
  const Block by_a(h.wanted_a * 4 * number * h.rows), by_b(h.wanted_b * 4 * number * h.rows);
  char *const to_a = h.wanted_a ? by_a.data : nullptr, *const to_b = h.wanted_b ? by_b.data : nullptr;
  if (h.work == 2) {
    const Block value(number * h.rows);
    ptdet::cuda::box_loss(loss_input(h, a, b), {value.data, to_a, to_b}, nullptr);
    value.write();
  } else {
    ptdet::cuda::box_loss_gradient(loss_input(h, a, b), {gradient.data, h.gradient_stride}, to_a, to_b, nullptr);
  }
  by_a.write();
  by_b.write();
}

void run_scale(const Header& h, const Block& slopes, const Block& gradient, int64_t number) {
  const Block out(h.batch * 4 * number * h.rows);
  ptdet::cuda::box_loss_backward(h.wide ? Type::kFloat64 : Type::kFloat32, {gradient.data, h.gradient_stride},
                                 slopes.data + number * h.columns, h.rows, static_cast<int>(h.batch), out.data,
                                 nullptr);
  out.write();
}

void run_rotated(const Header& h, const Block& a, const Block& b, const Block& gradient, int64_t number) {
  if (h.work == 5) {
    const Block out(number * h.batch * h.rows * h.columns);
    ptdet::cuda::rotated_pairwise_overlap(pairwise_input(h, a, b), out.data, nullptr);
    return out.write();
  }
  const ptdet::RotatedPairs pairs{h.rows, boxes_of(h.a, a), boxes_of(h.b, b), static_cast<ptdet::Metric>(h.metric)};
  if (h.work == 6) {
    const Block out(number * h.rows);
    ptdet::cuda::rotated_overlap(pairs, out.data, nullptr);
    return out.write();
  }
  const Block by_a(h.wanted_a * 5 * number * h.rows), by_b(h.wanted_b * 5 * number * h.rows);
  ptdet::cuda::rotated_overlap_backward(pairs, gradient.data, h.gradient_stride, h.wanted_a ? by_a.data : nullptr,
                                        h.wanted_b ? by_b.data : nullptr, nullptr);
  by_a.write();
  by_b.write();
}

}  // namespace

int main() {
  Header h;
  while (std::fread(&h, sizeof(h), 1, stdin) == 1) {
    Block a(h.a.bytes), b(h.b.bytes), gradient(h.gradient_bytes);
    if (!a.read() || !b.read() || !gradient.read()) {
      std::fprintf(stderr, "driver: a case ends early\n");
      return 1;
    }
    const int64_t number = h.wide ? 8 : 4;
    if (h.work <= 1)
      run_pairwise(h, a, b, gradient, number);
    else if (h.work >= 5)
      run_rotated(h, a, b, gradient, number);
    else if (h.work != 3)
      run_loss(h, a, b, gradient, number);
    else
      run_scale(h, a, gradient, number);
  }
  return 0;
}

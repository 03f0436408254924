// Precision over recall of one class, area range and limit at a time. Only where something true is found does recall
// rise, so the envelope of precision is needed at those places alone.
#include <algorithm>
#include <cstring>

#include "math/evaluation.h"
#include "cpu/parallel.h"

namespace ptdet::cpu {
namespace {

// Something true that was found: its row, and the precision from there on.
struct Hit {
  double precision;
  uint32_t row;
};

class Accumulator {
 public:
  Accumulator(const AccumulateInput& input, const AccumulateOutput& output, int64_t label, int64_t range,
              const Host& host)
      : input_(input),
        output_(output),
        begin_(input.starts[label]),
        positives_(input.positives[label * input.num_ranges + range]),
        range_(range),
        first_(label * input.num_ranges + range),
        most_hits_(std::min(positives_, input.starts[label + 1] - begin_)),
        rows_(allocate<uint32_t>(host, input.starts[label + 1] - begin_)),
        hits_(allocate<Hit>(host, most_hits_ * input.num_thresholds)),
        hit_count_(allocate<int64_t>(host, input.num_thresholds)),
        false_count_(allocate<uint32_t>(host, input.num_thresholds)) {}

  bool run(int64_t end) {
    int64_t before = -1;
    for (int64_t m = 0; m < input_.num_limits; ++m) {
      int64_t count = 0;
      for (int64_t i = begin_; i < end; ++i)
        if (input_.rank[input_.order[i]] < input_.limits[m]) rows_[count++] = static_cast<uint32_t>(input_.order[i]);
      if (count == before) {  // the same rows: limits ascend
        copy_from_before(m);
        continue;
      }
      before = count;
      if (!find_hits(count)) return false;
      for (int64_t t = 0; t < input_.num_thresholds; ++t) write(m, t, count);
    }
    return true;
  }

 private:
  // Are all outcomes of a row kFalse; are all kIgnored?
  enum class Alike { kNo, kFalse, kIgnored };
  Alike alike(const uint8_t* outcome) const {
    const int64_t count = input_.num_thresholds;
    uint64_t not_false = 0, not_ignored = 0;
    const auto look_at = [&](const uint8_t* eight) {
      uint64_t word;
      memcpy(&word, eight, sizeof(word));
      not_false |= word;
      not_ignored |= word ^ 0x0101010101010101ull * kIgnored;
    };
    if (count < 8) return Alike::kNo;
    for (int64_t t = 0; t + 8 <= count; t += 8) look_at(outcome + t);
    look_at(outcome + count - 8);
    return !not_false ? Alike::kFalse : !not_ignored ? Alike::kIgnored : Alike::kNo;
  }

  bool find_hits(int64_t count) {
    const int64_t thresholds = input_.num_thresholds, step = input_.num_ranges * thresholds;
    std::fill_n(hit_count_, thresholds, int64_t{0});
    std::fill_n(false_count_, thresholds, 0u);
    uint32_t false_to_all = 0;
    for (int64_t i = 0; i < count; ++i) {
      const uint8_t* outcome = input_.outcome + rows_[i] * step + range_ * thresholds;
      const Alike same = alike(outcome);
      false_to_all += same == Alike::kFalse;
      if (same != Alike::kNo) continue;
      for (int64_t t = 0; t < thresholds; ++t) {
        false_count_[t] += outcome[t] == kFalse;
        if (outcome[t] != kTrue) continue;
        const int64_t found = hit_count_[t]++;
        if (found >= most_hits_) return false;
        const uint32_t false_ones = false_to_all + false_count_[t];
        hits_[t * most_hits_ + found] = {coco_precision(static_cast<double>(found + 1), false_ones), rows_[i]};
      }
    }
    return true;
  }

  void copy_from_before(int64_t m) {
    const int64_t curves = input_.num_thresholds, at = (first_ * input_.num_limits + m) * curves;
    const auto copy = [&](double* values, int64_t each) {
      std::copy_n(values + (at - curves) * each, curves * each, values + at * each);
    };
    copy(output_.precision, input_.num_recalls);
    copy(output_.scores, input_.num_recalls);
    copy(output_.recall, 1);
  }

  void write(int64_t m, int64_t t, int64_t count) {
    const int64_t at = (first_ * input_.num_limits + m) * input_.num_thresholds + t;
    const auto objects = static_cast<double>(positives_);
    double* precision = output_.precision + at * input_.num_recalls;
    double* scores = output_.scores + at * input_.num_recalls;
    Hit* hits = hits_ + t * most_hits_;
    const int64_t found = hit_count_[t];
    for (int64_t i = found - 1; i > 0; --i) hits[i - 1].precision = std::max(hits[i - 1].precision, hits[i].precision);
    output_.recall[at] = static_cast<double>(found) / objects;
    int64_t hit = 0;
    for (int64_t r = 0; r < input_.num_recalls; ++r) {
      if (input_.recalls[r] <= 0) {  // the first detection has it, whatever it is
        precision[r] = found ? hits[0].precision : 0;
        scores[r] = count ? input_.scores[rows_[0]] : 0;
        continue;
      }
      while (hit < found && static_cast<double>(hit + 1) / objects < input_.recalls[r]) ++hit;
      precision[r] = hit < found ? hits[hit].precision : 0;
      scores[r] = hit < found ? input_.scores[hits[hit].row] : 0;
    }
  }

  const AccumulateInput& input_;
  const AccumulateOutput& output_;
  const int64_t begin_, positives_, range_, first_, most_hits_;
  uint32_t* const rows_;
  Hit* const hits_;
  int64_t* const hit_count_;
  uint32_t* const false_count_;
};

}  // namespace

bool evaluation_accumulate(const AccumulateInput& input, const AccumulateOutput& output, const Host& host) {
  const int64_t tasks = input.classes * input.num_ranges, curves = input.num_limits * input.num_thresholds;
  bool* sound = allocate<bool>(host, tasks);
  parallel_for(host, tasks, [&](int64_t task) {
    sound[task] = true;
    if (input.positives[task] == 0) {
      std::fill_n(output.precision + task * curves * input.num_recalls, curves * input.num_recalls, -1.0);
      std::fill_n(output.scores + task * curves * input.num_recalls, curves * input.num_recalls, -1.0);
      std::fill_n(output.recall + task * curves, curves, -1.0);
      return;
    }
    const int64_t label = task / input.num_ranges;
    Accumulator accumulator(input, output, label, task % input.num_ranges, host);
    sound[task] = accumulator.run(input.starts[label + 1]);
  });
  return std::all_of(sound, sound + tasks, [](bool each) { return each; });
}

}  // namespace ptdet::cpu

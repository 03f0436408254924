// Which detection takes which object. Detections and objects are sorted by image, as they mostly lie in memory, and
// class; each such cell is matched alone. An object that no threshold admits is left out once a detection, so all
// thresholds and area ranges look at the few that are left.
#include <algorithm>
#include <cstring>

#include "math/evaluation.h"
#include "cpu/simd/simd_table.h"
#include "cpu/sort.h"

namespace ptdet::cpu {
namespace {

// rows, stably sorted by numbers[row], which are in [0, span). Returns the sorted ones.
uint32_t* sorted_by(const int64_t* numbers, int64_t span, const uint32_t* rows, int64_t count, const Host& host) {
  uint32_t* next = allocate<uint32_t>(host, span + 1);
  std::fill_n(next, span + 1, 0u);
  for (int64_t i = 0; i < count; ++i) ++next[numbers[i] + 1];
  for (int64_t n = 0; n < span; ++n) next[n + 1] += next[n];
  uint32_t* sorted = allocate<uint32_t>(host, count);
  for (int64_t i = 0; i < count; ++i) sorted[next[numbers[rows[i]]]++] = rows[i];
  return sorted;
}

// By decreasing score, equal ones by image, then row.
const uint32_t* sorted_by_score(const MatchInput& input, const uint32_t* by_image, const Host& host) {
  const int64_t count = input.found.count;
  const KeyValues<uint64_t> pairs{allocate<uint64_t>(host, count), allocate<uint32_t>(host, count)};
  const KeyValues<uint64_t> other{allocate<uint64_t>(host, count), allocate<uint32_t>(host, count)};
  for (int64_t i = 0; i < count; ++i) {
    pairs.keys[i] = score_key(input.scores[by_image[i]]);
    pairs.values[i] = by_image[i];
  }
  return sort_pairs(host, pairs, other, count).values;
}

// The rows of one class and image: those found, from `found` on in the sorted rows, and the truth.
struct Cell {
  uint32_t found, found_count, truth, truth_count;
};

struct Cells {
  const uint32_t *found, *truth;  // rows by image, class
  Cell* cells;
  int64_t count, most_truth;
};

Cells cells_of(const MatchInput& input, const uint32_t* found, const uint32_t* truth, const Host& host) {
  const auto key = [&](const DataSetBoxes& boxes, uint32_t row) {
    return static_cast<uint64_t>(boxes.images[row]) * static_cast<uint64_t>(input.classes) +
           static_cast<uint64_t>(boxes.labels[row]);
  };
  Cells all{found, truth, allocate<Cell>(host, input.found.count), 0, 0};
  const auto found_count = static_cast<uint32_t>(input.found.count);
  const auto truth_count = static_cast<uint32_t>(input.truth.count);
  for (uint32_t begin = 0, end = 0, at = 0; begin < found_count; begin = end) {
    const uint64_t cell = key(input.found, found[begin]);
    for (end = begin + 1; end < found_count && key(input.found, found[end]) == cell;) ++end;
    while (at < truth_count && key(input.truth, truth[at]) < cell) ++at;
    const uint32_t first = at;
    while (at < truth_count && key(input.truth, truth[at]) == cell) ++at;
    all.cells[all.count++] = {begin, end - begin, first, at - first};
    all.most_truth = std::max<int64_t>(all.most_truth, at - first);
  }
  return all;
}

// Rotated boxes along sorted rows.
RotatedColumns turned(const DataSetBoxes& boxes, const uint32_t* rows, const Host& host) {
  const int64_t length = boxes.count + RotatedColumns::kPadding;
  RotatedColumns columns{};
  for (double*& column : columns.columns) {
    column = allocate<double>(host, length);
    std::fill_n(column, length, 0.0);
  }
  for (int64_t i = 0; i < boxes.count; ++i)
    for (int k = 0; k < RotatedColumns::kNumbers; ++k)
      columns.columns[k][i] = boxes.boxes[RotatedColumns::kNumbers * rows[i] + k];
  simd().rotated.turn(columns, 0, boxes.count);
  return columns;
}

// An object that a threshold may admit, and the overlap with it.
struct Near {
  uint32_t place;  // in the cell
  double overlap;
};

class Matcher {
 public:
  Matcher(const MatchInput& input, const MatchOutput& output, const Cells& all, const double* thresholds,
          const RotatedColumns& found, const RotatedColumns& truth, const Host& host)
      : input_(input),
        output_(output),
        all_(all),
        ranges_(input.num_ranges),
        thresholds_(input.num_thresholds),
        least_(thresholds),
        floor_(*std::min_element(thresholds, thresholds + thresholds_)),
        found_(found),
        truth_(truth),
        boxes_(allocate<SizedBox>(host, all.most_truth)),
        near_(allocate<Near>(host, all.most_truth)),
        crowd_(allocate<bool>(host, all.most_truth)),
        ignored_(allocate<bool>(host, all.most_truth * ranges_)),
        taken_(allocate<bool>(host, all.most_truth * ranges_ * thresholds_)),
        overlaps_(allocate<double>(host, 2 * (all.most_truth + RotatedColumns::kPadding))) {}

  void match(const Cell& cell) {
    load_truth(cell);
    for (uint32_t rank = 0; rank < cell.found_count; ++rank) {
      const uint32_t place = cell.found + rank, row = all_.found[place];
      output_.rank[row] = rank;
      const int64_t at = row * ranges_ * thresholds_;
      if (output_.taken) std::fill_n(output_.taken + at, ranges_ * thresholds_, int64_t{-1});
      if (rank >= input_.most) {
        memset(output_.outcome + at, kLeftOut, static_cast<size_t>(ranges_ * thresholds_));
        continue;
      }
      const double* numbers = input_.found.boxes + input_.found.numbers * row;
      find_near(cell, place, numbers);
      const int64_t passed = thresholds_passed();
      const double area = numbers[2] * numbers[3];
      for (int64_t a = 0; a < ranges_; ++a) {
        const uint8_t alone = outside(area, input_.ranges + 2 * a) ? kIgnored : kFalse;
        uint8_t* outcome = output_.outcome + at + a * thresholds_;
        if (near_count_ == 1)
          take_only(cell, a, passed, alone, outcome, at + a * thresholds_);
        else
          for (int64_t t = 0; t < passed; ++t) outcome[t] = take(cell, a, t, alone, at + a * thresholds_ + t);
        memset(outcome + passed, alone, static_cast<size_t>(thresholds_ - passed));
      }
    }
  }

 private:
  void load_truth(const Cell& cell) {
    for (uint32_t g = 0; g < cell.truth_count; ++g) {
      const uint32_t row = all_.truth[cell.truth + g];
      boxes_[g] = SizedBox::of(input_.truth.boxes + input_.truth.numbers * row);
      crowd_[g] = input_.crowd[row];
      for (int64_t a = 0; a < ranges_; ++a)
        ignored_[g * ranges_ + a] =
            input_.crowd[row] || input_.ignore[row] || outside(input_.area[row], input_.ranges + 2 * a);
    }
    memset(taken_, 0, static_cast<size_t>(cell.truth_count * ranges_ * thresholds_));
  }

  void find_near(const Cell& cell, uint32_t place, const double* numbers) {
    if (input_.found.numbers == 4) {
      const SizedBox box = SizedBox::of(numbers);
      keep_near(cell.truth_count, [&](uint32_t g) { return coco_overlap(box, boxes_[g], crowd_[g]); });
      return;
    }
    double* shares = overlaps_ + cell.truth_count + RotatedColumns::kPadding;
    simd().rotated.of_row(Metric::kIou, found_, place, truth_, cell.truth, cell.truth_count, overlaps_);
    if (std::any_of(crowd_, crowd_ + cell.truth_count, [](bool crowd) { return crowd; }))
      simd().rotated.of_row(Metric::kIof, found_, place, truth_, cell.truth, cell.truth_count, shares);
    keep_near(cell.truth_count, [&](uint32_t g) { return crowd_[g] ? shares[g] : overlaps_[g]; });
  }

  template <typename Overlap>
  void keep_near(uint32_t count, const Overlap& overlap_of) {
    bool undefined = false;
    near_count_ = 0;
    for (uint32_t g = 0; g < count; ++g) {
      const double overlap = overlap_of(g);
      if (overlap < floor_) continue;
      near_[near_count_++] = {g, overlap};
      undefined |= overlap != overlap;
    }
    if (!undefined) return;
    near_count_ = count;  // behind NaN, which no overlap is below, any object is taken
    for (uint32_t g = 0; g < count; ++g) near_[g] = {g, overlap_of(g)};
  }

  // From here on no threshold admits any.
  int64_t thresholds_passed() const {
    int64_t passed = 0;
    for (uint32_t i = 0; i < near_count_; ++i)
      for (int64_t t = thresholds_; t > passed; --t)
        if (!(near_[i].overlap < least_[t - 1])) passed = t;
    return passed;
  }

  // As `take`, of the one object that is near, for all thresholds that may admit it.
  void take_only(const Cell& cell, int64_t a, int64_t passed, uint8_t alone, uint8_t* outcome, int64_t at) {
    const Near& only = near_[0];
    const uint8_t found = ignored_[only.place * ranges_ + a] ? kIgnored : kTrue;
    bool* taken = taken_ + (only.place * ranges_ + a) * thresholds_;
    for (int64_t t = 0; t < passed; ++t) {
      const bool takes = !(only.overlap < least_[t]) && (!taken[t] || crowd_[only.place]);
      outcome[t] = takes ? found : alone;
      taken[t] |= takes;
      if (takes && output_.taken) output_.taken[at + t] = all_.truth[cell.truth + only.place];
    }
  }

  // The best object that is free, of equal overlaps the last; one that counts goes before one that does not.
  uint8_t take(const Cell& cell, int64_t a, int64_t t, uint8_t alone, int64_t at) {
    for (const bool ignored : {false, true}) {
      double least = least_[t];
      int64_t best = -1;
      for (uint32_t i = 0; i < near_count_; ++i) {
        const uint32_t g = near_[i].place;
        if (ignored_[g * ranges_ + a] != ignored || near_[i].overlap < least) continue;
        if (taken_[(g * ranges_ + a) * thresholds_ + t] && !crowd_[g]) continue;
        least = near_[i].overlap;
        best = g;
      }
      if (best < 0) continue;
      taken_[(best * ranges_ + a) * thresholds_ + t] = true;
      if (output_.taken) output_.taken[at] = all_.truth[cell.truth + best];
      return ignored ? kIgnored : kTrue;
    }
    return alone;
  }

  const MatchInput& input_;
  const MatchOutput& output_;
  const Cells& all_;
  const int64_t ranges_, thresholds_;
  const double* const least_;
  const double floor_;
  const RotatedColumns &found_, &truth_;
  // of the cell
  SizedBox* const boxes_;
  Near* const near_;
  bool *const crowd_, *const ignored_, *const taken_;
  double* const overlaps_;
  uint32_t near_count_ = 0;
};

}  // namespace

void evaluation_match(const MatchInput& input, const MatchOutput& output, const Host& host) {
  const auto rows_of = [&](const DataSetBoxes& boxes) {
    uint32_t* rows = allocate<uint32_t>(host, boxes.count);
    for (int64_t i = 0; i < boxes.count; ++i) rows[i] = static_cast<uint32_t>(i);
    return rows;
  };
  const auto by_image = [&](const DataSetBoxes& boxes, const uint32_t* rows) {
    return sorted_by(boxes.images, input.images, rows, boxes.count, host);
  };
  const auto by_label = [&](const DataSetBoxes& boxes, const uint32_t* rows) {
    return sorted_by(boxes.labels, input.classes, rows, boxes.count, host);
  };
  if (input.found.count == 0) return;
  const uint32_t* by_score = sorted_by_score(input, by_image(input.found, rows_of(input.found)), host);
  const uint32_t* order = by_label(input.found, by_score);
  std::copy_n(order, input.found.count, output.order);
  const uint32_t* found = by_image(input.found, order);
  const uint32_t* truth = by_image(input.truth, by_label(input.truth, rows_of(input.truth)));
  const Cells all = cells_of(input, found, truth, host);

  double* thresholds = allocate<double>(host, input.num_thresholds);
  std::transform(input.thresholds, input.thresholds + input.num_thresholds, thresholds, coco_threshold);
  RotatedColumns found_columns{}, truth_columns{};
  if (input.found.numbers == 5) {
    found_columns = turned(input.found, found, host);
    truth_columns = turned(input.truth, truth, host);
  }
  const int64_t parts = std::min<int64_t>(all.count, host.threads > 1 ? 16 * host.threads : 1);
  parallel_ranges(host, all.count, parts, [&](int64_t begin, int64_t end) {
    Matcher matcher(input, output, all, thresholds, found_columns, truth_columns, host);
    for (int64_t i = begin; i < end; ++i) matcher.match(all.cells[i]);
  });
}

}  // namespace ptdet::cpu

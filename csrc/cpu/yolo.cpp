// The filter of a YOLO head: every number of the class columns is read once, tile by tile; rows that can have no
// candidate end there. Tasks are runs of rows. Each lists its candidates apart; the lists are joined afterwards, so the
// order does not depend on threads.
#include "math/yolo.h"

#include <algorithm>

#include "cpu/simd/simd_table.h"
#include "cpu/typed_io.h"
#include "cpu/parallel.h"
#include "cpu/simd/yolo.h"

namespace ptdet::cpu {
namespace {

constexpr int64_t kTaskRows = kTileRows;

template <typename T>
struct Candidate {
  Box<T> box;
  T score;
  uint32_t row, label;
};

template <typename T>
struct Slab {
  static constexpr int kCapacity = 256;
  Candidate<T> candidates[kCapacity];
  int count;
  Slab* next;
};

template <typename T>
struct List {
  Slab<T>* head = nullptr;
  Slab<T>* tail = nullptr;
  int64_t count = 0;
  int64_t passed = 0;

  void add(const Candidate<T>& candidate, const Host& host) {
    if (!tail || tail->count == Slab<T>::kCapacity) {
      Slab<T>* slab = allocate<Slab<T>>(host, 1);
      slab->count = 0;
      slab->next = nullptr;
      (tail ? tail->next : head) = slab;
      tail = slab;
    }
    tail->candidates[tail->count++] = candidate;
    ++count;
  }
};

struct Tasks {
  int64_t per_image, count;
  explicit Tasks(const YoloInput& input)
      : per_image((input.rows + kTaskRows - 1) / kTaskRows), count(input.images * per_image) {}
  int64_t image(int64_t task) const { return task / per_image; }
  int64_t first_row(int64_t task) const { return task % per_image * kTaskRows; }
};

// Rows [first, first + rows) of one image, whose numbers begin at `image`.
template <typename T, typename Stored>
void filter_tile(const YoloInput& input, const YoloParams& params, const YoloRule<T>& rule, YoloBest best_of,
                 const Stored* image, int64_t first, int rows, List<T>& list, const Host& host) {
  const auto row_reader = [&](int r) {
    const Stored* row = image + (first + r) * input.row_stride;
    return [row, &input](int64_t column) { return static_cast<T>(row[column * input.column_stride]); };
  };
  bool asked[kTileRows];
  int left = 0;
  for (int r = 0; r < rows; ++r) left += asked[r] = takes_part(rule, row_reader(r));
  list.passed += left;
  if (left == 0) return;

  T best[kTileRows];
  if (rule.limited) {
    const Stored* values = image + first * input.row_stride + rule.first_class() * input.column_stride;
    best_of({reinterpret_cast<const char*>(values), input.type, input.row_stride, input.column_stride, rows,
             input.classes, asked},
            best);
  }
  T least = least_value(rule, T(1));
  for (int r = 0; r < rows; ++r) {
    if (!asked[r]) continue;
    const auto read = row_reader(r);
    const T objectness = rule.objectness ? read(4) : T(1);
    if (rule.objectness) least = least_value(rule, objectness);
    if (rule.limited && best[r] < least) continue;
    const T least_wanted = rule.multi_label || !rule.limited ? least : least_of_best(rule, best[r], objectness);
    candidates_of(rule, read, least_wanted, [&](int64_t label, T score) {
      if (params.wanted && !params.wanted[label]) return;
      list.add({corners_of<T>(read), score, static_cast<uint32_t>(first + r), static_cast<uint32_t>(label)}, host);
    });
  }
}

template <typename T>
YoloFound find(const YoloInput& input, const YoloParams& params, int64_t* passed, const Host& host) {
  const Tasks tasks(input);
  const YoloRule<T> rule = yolo_rule<T>(input, params);
  const YoloBest best_of = simd().yolo_best;
  auto* lists = allocate<List<T>>(host, tasks.count);
  parallel_for(host, tasks.count, [&](int64_t task) {
    List<T> list;
    const int64_t first = tasks.first_row(task), end = std::min(first + kTaskRows, input.rows);
    with_type(input.type, input.data, [&](const auto* data) {
      const auto* image = data + tasks.image(task) * input.image_stride;
      for (int64_t row = first; row < end; row += kTileRows) {
        const int rows = static_cast<int>(std::min<int64_t>(kTileRows, end - row));
        filter_tile<T>(input, params, rule, best_of, image, row, rows, list, host);
      }
    });
    lists[task] = list;
  });
  YoloFound found{0, lists};
  std::fill_n(passed, input.images, 0);
  for (int64_t task = 0; task < tasks.count; ++task) {
    found.count += lists[task].count;
    passed[tasks.image(task)] += lists[task].passed;
  }
  return found;
}

template <typename T>
void emit(const YoloInput& input, const YoloFound& found, const YoloOutput& output, const Host& host) {
  const Tasks tasks(input);
  const auto* lists = static_cast<const List<T>*>(found.lists);
  int64_t* starts = allocate<int64_t>(host, tasks.count);
  int64_t start = 0;
  for (int64_t task = 0; task < tasks.count; ++task) {
    starts[task] = start;
    start += lists[task].count;
  }
  parallel_for(host, tasks.count, [&](int64_t task) {
    int64_t at = starts[task];
    for (const Slab<T>* slab = lists[task].head; slab; slab = slab->next)
      for (int i = 0; i < slab->count; ++i, ++at) {
        const Candidate<T>& candidate = slab->candidates[i];
        static_cast<Box<T>*>(output.boxes)[at] = candidate.box;
        static_cast<T*>(output.scores)[at] = candidate.score;
        output.labels[at] = candidate.label;
        output.images[at] = tasks.image(task);
        output.rows[at] = candidate.row;
      }
  });
}

}  // namespace

YoloFound yolo_find(const YoloInput& input, const YoloParams& params, int64_t* passed, const Host& host) {
  return with_computed(input.type, [&](auto box) { return find<decltype(box)>(input, params, passed, host); });
}

void yolo_emit(const YoloInput& input, const YoloFound& found, const YoloOutput& output, const Host& host) {
  with_computed(input.type, [&](auto box) { emit<decltype(box)>(input, found, output, host); });
}

}  // namespace ptdet::cpu

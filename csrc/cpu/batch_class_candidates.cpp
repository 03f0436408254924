// Every (box, class) of a batch whose score is above the threshold. Tasks are runs of rows of an image: each counts its
// candidates class by class, then writes them where those of earlier classes and runs end.
#include <algorithm>
#include <type_traits>

#include "math/threshold.h"
#include "cpu/typed_io.h"
#include "cpu/parallel.h"

namespace ptdet::cpu {
namespace {

constexpr int64_t kTaskRows = 1024;

struct Tasks {
  int64_t per_image, count;
  explicit Tasks(const ClassScores& scores)
      : per_image((scores.rows + kTaskRows - 1) / kTaskRows), count(scores.classes ? scores.images * per_image : 0) {}
};

// Calls f(row, class, score) for each candidate of a task, row by row.
template <typename Stored, typename F>
void each_candidate(const ClassScores& scores, const Stored* image, int64_t first, int64_t end, F&& f) {
  using T = std::conditional_t<std::is_same_v<Stored, double>, double, float>;
  const T bound = Threshold<T>::from(scores.threshold, false).bound;
  for (int64_t row = first; row < end; ++row) {
    const Stored* values = image + row * scores.row_stride;
    if (scores.has_threshold && scores.class_stride == 1) {  // most rows have none
      bool any = false;
      for (int64_t c = 0; c < scores.classes; ++c) any |= static_cast<T>(values[c]) > bound;
      if (!any) continue;
    }
    for (int64_t c = 0; c < scores.classes; ++c) {
      const T score = static_cast<T>(values[c * scores.class_stride]);
      if (!scores.has_threshold || score > bound) f(row, c);
    }
  }
}

template <typename Body>
void each_task(const ClassScores& scores, const Host& host, Body&& body) {
  const Tasks tasks(scores);
  parallel_for(host, tasks.count, [&](int64_t task) {
    const int64_t image = task / tasks.per_image, first = task % tasks.per_image * kTaskRows;
    with_type(scores.type, scores.data, [&](const auto* data) {
      if constexpr (!std::is_integral_v<std::decay_t<decltype(*data)>>)
        body(task, image, first, std::min(first + kTaskRows, scores.rows), data + image * scores.image_stride);
    });
  });
}

}  // namespace

ClassesFound class_candidates_find(const ClassScores& scores, const Host& host) {
  const Tasks tasks(scores);
  int64_t* starts = allocate<int64_t>(host, tasks.count * scores.classes);
  each_task(scores, host, [&](int64_t task, int64_t, int64_t first, int64_t end, const auto* image) {
    int64_t* counts = starts + task * scores.classes;
    std::fill_n(counts, scores.classes, 0);
    each_candidate(scores, image, first, end, [&](int64_t, int64_t label) { ++counts[label]; });
  });
  int64_t total = 0;
  for (int64_t image = 0; image < scores.images; ++image)
    for (int64_t label = 0; label < scores.classes; ++label)
      for (int64_t run = 0; run < tasks.per_image; ++run) {
        int64_t& slot = starts[(image * tasks.per_image + run) * scores.classes + label];
        const int64_t found = slot;
        slot = total;
        total += found;
      }
  return {total, starts};
}

namespace {

// kNumbers: of a box.
template <int64_t kNumbers>
void emit(const ClassScores& scores, const ClassBoxes& boxes, const ClassesFound& found, const ClassCandidates& output,
          const Host& host) {
  each_task(scores, host, [&](int64_t task, int64_t image, int64_t first, int64_t end, const auto* own) {
    using Score = std::remove_const_t<std::remove_reference_t<decltype(*own)>>;
    int64_t* next = allocate<int64_t>(host, scores.classes);
    std::copy_n(found.starts + task * scores.classes, scores.classes, next);
    with_type(boxes.type, boxes.data, [&](const auto* corners) {
      using Corner = std::remove_const_t<std::remove_reference_t<decltype(*corners)>>;
      corners += image * boxes.image_stride;
      each_candidate(scores, own, first, end, [&](int64_t row, int64_t label) {
        const int64_t at = next[label]++;
        const Corner* box = corners + row * boxes.row_stride + label * boxes.class_stride;
        for (int64_t c = 0; c < kNumbers; ++c)
          static_cast<Corner*>(output.boxes)[kNumbers * at + c] = box[c * boxes.column_stride];
        static_cast<Score*>(output.scores)[at] = own[row * scores.row_stride + label * scores.class_stride];
        output.groups[at] = image * scores.classes + label;
        output.images[at] = image;
        output.labels[at] = label;
        output.rows[at] = row;
      });
    });
  });
}

}  // namespace

void class_candidates_emit(const ClassScores& scores, const ClassBoxes& boxes, const ClassesFound& found,
                           const ClassCandidates& output, const Host& host) {
  return boxes.numbers == 4 ? emit<4>(scores, boxes, found, output, host) : emit<5>(scores, boxes, found, output, host);
}

}  // namespace ptdet::cpu

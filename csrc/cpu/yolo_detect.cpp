// From the output of a YOLO head to its detections: filter, suppression within classes, the best of each image.
#include <algorithm>

#include "cpu/candidates.h"

namespace ptdet::cpu {
namespace {

constexpr double kConfirmed = 0.5, kSigma = 0.5;  // SPEC 4

template <typename T>
struct Candidates {
  int64_t count = 0;
  Box<T>* boxes = nullptr;
  T* scores = nullptr;
  int64_t *labels = nullptr, *images = nullptr, *rows = nullptr;

  Candidates(int64_t count, const Host& host)
      : count(count),
        boxes(allocate<Box<T>>(host, count)),
        scores(allocate<T>(host, count)),
        labels(allocate<int64_t>(host, count)),
        images(allocate<int64_t>(host, count)),
        rows(allocate<int64_t>(host, count)) {}

  void copy(int64_t at, const Candidates& from, int64_t i) {
    boxes[at] = from.boxes[i];
    scores[at] = from.scores[i];
    labels[at] = from.labels[i];
    images[at] = from.images[i];
    rows[at] = from.rows[i];
  }
};

template <typename T>
class Detector {
 public:
  Detector(const YoloInput& input, const DetectionParams& params, const Host& host)
      : input_(input), params_(params), host_(host), type_(sizeof(T) == 8 ? Type::kFloat64 : Type::kFloat32) {}

  Detections run(int64_t* num, int64_t* passed) {
    const YoloFound found = yolo_find(input_, params_.filter, passed, host_);
    Candidates<T> candidates(found.count, host_);
    yolo_emit(input_, found,
              {candidates.boxes, candidates.scores, candidates.labels, candidates.images, candidates.rows}, host_);
    if (params_.by_class) candidates = class_by_class(candidates);
    const int64_t kept = suppress(candidates);
    if (kept < 0) return {kept};

    const Column images{candidates.images, 1, Type::kInt64};
    const OrderFound order =
        image_order_find(keep_, kept, images, candidates.count, input_.images, params_.max_per_image, num, host_);
    const int64_t count = order.count;
    int64_t *places = allocate<int64_t>(host_, count), *chosen = allocate<int64_t>(host_, count);
    image_order_emit(keep_, kept, order, num, input_.images, places, chosen, host_);
    Candidates<T> detections(count, host_);
    for (int64_t k = 0; k < count; ++k) {
      detections.copy(k, candidates, chosen[k]);
      if (boxes_) detections.boxes[k] = boxes_[places[k]];
      if (scores_) detections.scores[k] = scores_[places[k]];
    }
    return {count, detections.boxes, detections.scores, detections.labels, detections.images, detections.rows};
  }

 private:
  int64_t group_of(const Candidates<T>& all, int64_t i) const {
    return params_.agnostic ? all.images[i] : all.images[i] * input_.classes + all.labels[i];
  }

  // Calls f(begin, end) for each run of one group.
  template <typename F>
  void each_group(const Candidates<T>& all, F&& f) const {
    for (int64_t begin = 0, end; begin < all.count; begin = end) {
      for (end = begin + 1; end < all.count && group_of(all, end) == group_of(all, begin);) ++end;
      f(begin, end);
    }
  }

  // Group by group, each by row, and no more than the best `max_per_class` of each.
  Candidates<T> class_by_class(const Candidates<T>& all) const {
    const KeyValues<uint64_t> found{allocate<uint64_t>(host_, all.count), allocate<uint32_t>(host_, all.count)};
    const KeyValues<uint64_t> other{allocate<uint64_t>(host_, all.count), allocate<uint32_t>(host_, all.count)};
    for (int64_t i = 0; i < all.count; ++i) {
      found.keys[i] = static_cast<uint64_t>(group_of(all, i));
      found.values[i] = static_cast<uint32_t>(i);
    }
    const uint32_t* order = sort_pairs(host_, found, other, all.count).values;
    Candidates<T> sorted(all.count, host_);
    for (int64_t i = 0; i < all.count; ++i) sorted.copy(i, all, order[i]);
    if (params_.max_per_class < 0) return sorted;

    int64_t at = 0;  // of the next that stays, never beyond the one that is looked at
    each_group(sorted, [&](int64_t begin, int64_t end) {
      const int64_t size = end - begin;
      bool* stays = allocate<bool>(host_, size);
      std::fill_n(stays, size, size <= params_.max_per_class);
      if (size > params_.max_per_class) {
        const Ranks ranks = rank_scores(sorted.scores + begin, nullptr, size, host_);
        for (int64_t r = 0; r < params_.max_per_class; ++r) stays[ranks.rows[r]] = true;
      }
      for (int64_t i = 0; i < size; ++i)
        if (stays[i]) sorted.copy(at++, sorted, begin + i);
    });
    sorted.count = at;
    return sorted;
  }

  NmsInput pass_of(const Candidates<T>& all) const {
    int64_t* groups = allocate<int64_t>(host_, all.count);
    for (int64_t i = 0; i < all.count; ++i) groups[i] = group_of(all, i);
    NmsInput input;
    input.count = all.count;
    input.boxes = {all.boxes, 4, 1, type_};
    input.scores = {all.scores, 1, type_};
    input.groups = {groups, 1, Type::kInt64};
    return input;
  }

  // Fills keep_ by decreasing score, ties to the lower index, and boxes_ and scores_ where they change. Returns how
  // many are kept, or kScoreIsNegative.
  int64_t suppress(const Candidates<T>& all) {
    keep_ = allocate<int64_t>(host_, all.count);
    if (all.count == 0) return 0;
    const NmsInput input = pass_of(all);
    NmsParams pass = params_.pass;
    pass.max_output = all.count;
    int64_t kept = 0;
    const bool is_hard = params_.method == YoloMethod::kHard;
    const NmsOutput output{keep_, is_hard ? nullptr : allocate<int64_t>(host_, all.count), &kept};
    switch (params_.method) {
      case YoloMethod::kHard: nms(input, pass, output, host_); break;
      case YoloMethod::kMerge:
        boxes_ = allocate<Box<T>>(host_, all.count);
        merge_nms(input, {pass, Members::kCluster, false}, {output, boxes_}, host_);
        restore_lone_boxes(all, kept);
        break;
      case YoloMethod::kAnd:
        and_nms(input, {pass, kConfirmed}, output, host_);
        kept = add(all, kept, [](int64_t begin, int64_t end) { return end - begin == 1 ? begin : -1; });
        break;
      case YoloMethod::kSoft: {
        scores_ = allocate<T>(host_, all.count);
        const double least = params_.filter.objectness_threshold;
        soft_nms(input, {pass, kSigma, least, Decay::kGaussian, false}, {output, scores_}, host_);
        if (kept < 0) break;
        kept = add(all, kept, [&](int64_t begin, int64_t end) {  // the best of a group that soft-NMS drops as a whole
          const int64_t best = std::max_element(all.scores + begin, all.scores + end) - all.scores;
          return static_cast<double>(all.scores[best]) <= least ? best : -1;
        });
      }
    }
    return kept;
  }

  // A box that is the only one of its group stays as it is; a mean of one would round it.
  void restore_lone_boxes(const Candidates<T>& all, int64_t kept) {
    bool* is_alone = allocate<bool>(host_, all.count);
    each_group(all, [&](int64_t begin, int64_t end) { std::fill_n(is_alone + begin, end - begin, end - begin == 1); });
    for (int64_t k = 0; k < kept; ++k)
      if (is_alone[keep_[k]]) boxes_[k] = all.boxes[keep_[k]];
  }

  // The pass's and one more of each group, if more(begin, end) names one.
  template <typename More>
  int64_t add(const Candidates<T>& all, int64_t kept, More&& more) {
    T* scores = allocate<T>(host_, all.count);
    bool* is_kept = allocate<bool>(host_, all.count);
    std::fill_n(is_kept, all.count, false);
    const auto put = [&](int64_t i, T score) { is_kept[i] = true, scores[i] = score; };
    for (int64_t k = 0; k < kept; ++k) put(keep_[k], scores_ ? scores_[k] : all.scores[keep_[k]]);
    each_group(all, [&](int64_t begin, int64_t end) {
      const int64_t i = more(begin, end);
      if (i >= 0) put(i, all.scores[i]);
    });
    const Ranks ranks = rank_scores(scores, is_kept, all.count, host_);
    scores_ = allocate<T>(host_, all.count);
    for (int64_t k = 0; k < ranks.count; ++k) {
      keep_[k] = ranks.rows[k];
      scores_[k] = scores[ranks.rows[k]];
    }
    return ranks.count;
  }

  const YoloInput& input_;
  const DetectionParams& params_;
  const Host& host_;
  const Type type_;
  int64_t* keep_ = nullptr;
  Box<T>* boxes_ = nullptr;  // in the order of keep_; null: as given
  T* scores_ = nullptr;
};

template <typename T>
void write(const YoloInput& input, const Detections& found, int64_t first, int64_t extra, T* table, const Host& host) {
  const int64_t columns = 6 + extra;
  parallel_ranges(host, found.count, parts_for(host, found.count * columns), [&](int64_t begin, int64_t end) {
    with_type(input.type, input.data, [&](const auto* data) {
      for (int64_t k = begin; k < end; ++k) {
        T* row = table + k * columns;
        memcpy(row, static_cast<const Box<T>*>(found.boxes) + k, sizeof(Box<T>));
        row[4] = static_cast<const T*>(found.scores)[k];
        row[5] = static_cast<T>(found.labels[k]);
        const auto* from = data + found.images[k] * input.image_stride + found.rows[k] * input.row_stride;
        for (int64_t c = 0; c < extra; ++c) row[6 + c] = static_cast<T>(from[(first + c) * input.column_stride]);
      }
    });
  });
}

}  // namespace

Detections yolo_detect(const YoloInput& input, const DetectionParams& params, int64_t* num, int64_t* passed,
                       const Host& host) {
  return with_computed(input.type,
                       [&](auto box) { return Detector<decltype(box)>(input, params, host).run(num, passed); });
}

void yolo_write(const YoloInput& input, const Detections& found, int64_t first, int64_t extra, void* table,
                const Host& host) {
  with_computed(input.type,
                [&](auto box) { write(input, found, first, extra, static_cast<decltype(box)*>(table), host); });
}

}  // namespace ptdet::cpu

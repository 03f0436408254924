#include "numpy/registration.h"
#include "numpy/results.h"

namespace ptdet {
namespace {

// ptdet/evaluation/inputs.py checks the arguments; this repeats what memory safety needs.
template <typename T>
class Given {
 public:
  Given(const char* name, const py::object& given, std::vector<int64_t> shape)
      : name_(name), array_(py::reinterpret_borrow<py::array>(given)) {
    const bool fits = py::isinstance<py::array_t<T, py::array::c_style>>(given) &&
                      array_.ndim() == static_cast<py::ssize_t>(shape.size());
    for (size_t axis = 0; axis < shape.size(); ++axis)
      if (!fits || (shape[axis] >= 0 && array_.shape(static_cast<py::ssize_t>(axis)) != shape[axis]))
        throw py::value_error(std::string(name) + ": expected an array without gaps, of another type or shape");
  }

  const T* data() const { return static_cast<const T*>(array_.data()); }
  int64_t size(int axis) const { return array_.shape(axis); }
  void expect_below(int64_t count) const {
    const T* all = data();
    for (int64_t i = 0; i < array_.size(); ++i)
      if (!(all[i] >= 0 && all[i] < count))
        throw py::value_error(std::string(name_) + ": expected numbers in [0, " + std::to_string(count) + ")");
  }

 private:
  const char* name_;
  py::array array_;
};

// The arrays of a set of boxes; they live as long as this.
struct GivenBoxes {
  Given<double> boxes;
  Given<int64_t> labels, images;

  GivenBoxes(const py::tuple& given, int64_t num_images, int64_t num_classes)
      : boxes("boxes", given[0], {-1, -1}),
        labels("labels", given[1], {boxes.size(0)}),
        images("images", given[2], {boxes.size(0)}) {
    if (boxes.size(1) != 4 && boxes.size(1) != 5) throw py::value_error("boxes: expected 4 or 5 columns");
    if (boxes.size(0) >= 0xffffffffll) throw py::value_error("boxes: expected fewer than 2^32 - 1");
    labels.expect_below(num_classes);
    images.expect_below(num_images);
  }
  DataSetBoxes get() const { return {boxes.size(0), boxes.size(1), boxes.data(), labels.data(), images.data()}; }
};

py::object evaluation_match(const py::tuple& found, const py::tuple& truth, const py::object& scores,
                            const py::object& crowd, const py::object& ignore, const py::object& area,
                            const py::object& thresholds, const py::object& ranges, int64_t most, int64_t num_images,
                            int64_t num_classes, bool wants_taken) {
  if (num_images < 0 || num_classes < 0 || num_images > 0xffffffffll || num_classes > 0x7fffffffll)
    throw py::value_error("truth: expected fewer images or classes");
  const GivenBoxes given_found(found, num_images, num_classes), given_truth(truth, num_images, num_classes);
  MatchInput input;
  input.images = num_images;
  input.classes = num_classes;
  input.found = given_found.get();
  input.truth = given_truth.get();
  if (input.found.numbers != input.truth.numbers) throw py::value_error("boxes: expected as many columns in both");
  const Given<double> given_scores("scores", scores, {input.found.count}),
      given_area("area", area, {input.truth.count});
  const Given<bool> given_crowd("crowd", crowd, {input.truth.count}),
      given_ignore("ignore", ignore, {input.truth.count});
  const Given<double> given_thresholds("iou_thresholds", thresholds, {-1}),
      given_ranges("area_ranges", ranges, {-1, 2});
  input.scores = given_scores.data();
  input.area = given_area.data();
  input.crowd = given_crowd.data();
  input.ignore = given_ignore.data();
  input.thresholds = given_thresholds.data();
  input.num_thresholds = given_thresholds.size(0);
  input.ranges = given_ranges.data();
  input.num_ranges = given_ranges.size(0);
  input.most = most;
  if (input.num_thresholds == 0) throw py::value_error("iou_thresholds: expected at least one");
  const std::vector<py::ssize_t> shape{input.found.count, input.num_ranges, input.num_thresholds};
  py::array_t<uint8_t> outcome(shape);
  py::array_t<int64_t> rank(input.found.count), order(input.found.count);
  py::object taken = py::none();
  int64_t* taken_rows = nullptr;
  if (wants_taken) {
    py::array_t<int64_t> made(shape);
    taken_rows = made.mutable_data();
    taken = made;
  }
  const MatchOutput output{outcome.mutable_data(), rank.mutable_data(), order.mutable_data(), taken_rows};
  NumpyHost host;
  {
    const Unlocked others_may_run;
    cpu::evaluation_match(input, output, host.get());
  }
  return py::make_tuple(outcome, rank, order, taken);
}

py::object evaluation_accumulate(const py::object& outcome, const py::object& rank, const py::object& order,
                                 const py::object& starts, const py::object& scores, const py::object& positives,
                                 const py::object& recalls, const py::object& limits) {
  const Given<uint8_t> given_outcome("outcome", outcome, {-1, -1, -1});
  const int64_t count = given_outcome.size(0);
  const Given<int64_t> given_rank("rank", rank, {count}), given_order("order", order, {-1});
  const Given<int64_t> given_starts("starts", starts, {-1}), given_limits("max_detections", limits, {-1});
  const Given<int64_t> given_positives("positives", positives, {-1, given_outcome.size(1)});
  const Given<double> given_scores("scores", scores, {count}), given_recalls("recall_thresholds", recalls, {-1});
  AccumulateInput input;
  input.classes = given_positives.size(0);
  input.num_ranges = given_outcome.size(1);
  input.num_thresholds = given_outcome.size(2);
  input.num_limits = given_limits.size(0);
  input.num_recalls = given_recalls.size(0);
  input.outcome = given_outcome.data();
  input.rank = given_rank.data();
  input.scores = given_scores.data();
  input.order = given_order.data();
  input.starts = given_starts.data();
  input.positives = given_positives.data();
  input.recalls = given_recalls.data();
  input.limits = given_limits.data();
  given_order.expect_below(count);
  given_starts.expect_below(given_order.size(0) + 1);
  given_positives.expect_below(0x7fffffffffffll);
  bool ascends = given_starts.size(0) == input.classes + 1;
  for (int64_t k = 0; ascends && k < input.classes; ++k) ascends = input.starts[k] <= input.starts[k + 1];
  if (!ascends) throw py::value_error("starts: expected one more than classes, ascending");
  const std::vector<py::ssize_t> shape{input.classes, input.num_ranges, input.num_limits, input.num_thresholds};
  std::vector<py::ssize_t> longer = shape;
  longer.push_back(input.num_recalls);
  py::array_t<double> precision(longer), recall(shape), score_at(longer);
  const AccumulateOutput output{precision.mutable_data(), recall.mutable_data(), score_at.mutable_data()};
  NumpyHost host;
  bool sound = false;
  {
    const Unlocked others_may_run;
    sound = cpu::evaluation_accumulate(input, output, host.get());
  }
  if (!sound) throw py::value_error("positives: expected at least as many as are found");
  return py::make_tuple(precision, recall, score_at);
}

const Registration register_evaluation([](py::module_& m) {
  m.def("evaluation_match", &evaluation_match);
  m.def("evaluation_accumulate", &evaluation_accumulate);
});

}  // namespace
}  // namespace ptdet

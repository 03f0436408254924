#include "numpy/heads.h"
#include "numpy/results.h"

namespace ptdet {

// ptdet/numpy/_yolo.py checks the arguments; this repeats what memory safety needs.
py::object yolo_filter_of_arrays(const py::object& prediction, int64_t num_classes, bool objectness, bool logits,
                                 bool multi_label, const py::object& objectness_threshold,
                                 const py::object& confidence_threshold, double min_side, double max_side,
                                 const py::object& wanted) {
  const Readable given("prediction", prediction);
  given.expect_shape(given.dims() == 3, "(B, N, columns)");
  given.expect_floating();
  const int64_t columns = num_classes + (objectness ? 5 : 4);
  given.expect_shape(
      num_classes >= 0 && num_classes < 0xffffffffll && given.size(2) >= columns && given.size(1) < 0xffffffffll,
      "of at least " + std::to_string(columns) + " columns");
  const YoloInput input{given.data(),    given.size(0),   given.size(1),   num_classes,
                        given.stride(0), given.stride(1), given.stride(2), given.type()};
  YoloParams params;
  params.objectness = objectness;
  params.logits = logits;
  params.multi_label = multi_label;
  params.objectness_threshold = number_of("conf_thres", objectness_threshold);
  const std::optional<double> least = least_of("conf_thres", confidence_threshold);
  params.has_confidence_threshold = least.has_value();
  params.confidence_threshold = least.value_or(0.0);
  params.min_side = min_side;
  params.max_side = max_side;
  std::optional<py::array_t<bool, py::array::c_style>> labels_wanted;
  if (!wanted.is_none()) {
    labels_wanted = wanted.cast<py::array_t<bool, py::array::c_style>>();
    if (labels_wanted->ndim() != 1 || labels_wanted->shape(0) != num_classes)
      throw py::value_error("classes: expected one flag for each of " + std::to_string(num_classes) + " classes");
    params.wanted = labels_wanted->data();
  }

  NumpyHost host;
  py::array_t<int64_t> passed(input.images);
  int64_t* passing = passed.mutable_data();
  cpu::YoloFound found{};
  {
    const Unlocked others_may_run;
    found = cpu::yolo_find(input, params, passing, host.get());
  }
  const py::dtype floats = input.type == Type::kFloat64 ? py::dtype::of<double>() : py::dtype::of<float>();
  py::array boxes(floats, std::vector<py::ssize_t>{found.count, 4});
  py::array scores(floats, std::vector<py::ssize_t>{found.count});
  py::array_t<int64_t> labels(found.count), images(found.count), rows(found.count);
  const YoloOutput output{boxes.mutable_data(), scores.mutable_data(), labels.mutable_data(), images.mutable_data(),
                          rows.mutable_data()};
  {
    const Unlocked others_may_run;
    cpu::yolo_emit(input, found, output, host.get());
  }
  return py::make_tuple(boxes, scores, labels, images, rows, passed);
}

}  // namespace ptdet

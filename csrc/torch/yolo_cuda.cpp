// The filter of a YOLO head on CUDA. It waits for the device once: how many candidates there are shapes its results.
#include "torch/device.h"
#include "torch/yolo.h"

namespace ptdet::cuda {

YoloTensors yolo_filter_op(const Tensor& prediction, int64_t num_classes, bool objectness, bool logits,
                           bool multi_label, double objectness_threshold, std::optional<double> confidence_threshold,
                           double min_side, double max_side, std::optional<Tensor> wanted) {
  const YoloInput input = yolo_input(prediction, num_classes, objectness);
  YoloParams params =
      yolo_params(objectness, logits, multi_label, objectness_threshold, confidence_threshold, min_side, max_side);
  check_wanted(wanted, prediction, num_classes);
  if (wanted) params.wanted = static_cast<const bool*>(wanted->const_data_ptr());
  const OnDeviceOf device(prediction);
  const cudaStream_t stream = device.stream();

  const Tensor passed = new_indices(prediction, &input.images, 1);
  const Tensor total = new_indices(prediction, nullptr, 0);
  check(cudaMemsetAsync(indices(passed), 0, static_cast<size_t>(input.images) * sizeof(int64_t), stream));
  check(cudaMemsetAsync(indices(total), 0, sizeof(int64_t), stream));
  const int64_t scratch_bytes = static_cast<int64_t>(yolo_scratch_bytes(input));
  const Tensor scratch = torch::stable::new_empty(prediction, {scratch_bytes}, ScalarType::Byte);
  yolo_count(input, params, scratch.mutable_data_ptr(), indices(passed), indices(total), stream);
  OnDeviceOf::check_launches();
  int64_t count = 0;
  check(cudaMemcpyAsync(&count, indices(total), sizeof(count), cudaMemcpyDeviceToHost, stream));
  check(cudaStreamSynchronize(stream));

  const YoloResult result(prediction, count, input.type);
  yolo_write(input, params, scratch.mutable_data_ptr(), result.pointers(), stream);
  OnDeviceOf::check_launches();
  return {result.boxes, result.scores, result.labels, result.images, result.rows, passed};
}

}  // namespace ptdet::cuda

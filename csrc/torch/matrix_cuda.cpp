// Fast and Matrix NMS on CUDA; nothing waits for the device.
#include "torch/cuda_host.h"
#include "torch/method_arguments.h"
#include "torch/methods.h"

namespace ptdet::cuda {

std::tuple<Tensor, Tensor, Tensor> fast_nms_walk_op(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                    double iou_threshold, std::string metric, bool inclusive,
                                                    Least score_threshold, Limit max_output) {
  const NmsInput input = nms_input(boxes, scores, idxs);
  const NmsParams params = nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output);
  const OnDeviceOf device(boxes);
  const cudaStream_t stream = device.stream();
  const WalkTensors found(boxes, input.count, stream);
  if (input.count > 0) {
    const Sorting sorting(boxes, input, params, found.output().kept, stream);
    const Tensor scratch = new_scratch(boxes, fast_scratch_bytes(input.count));
    fast_nms(input, params, sorting.sorted, found.output(), scratch.mutable_data_ptr(), stream);
    OnDeviceOf::check_launches();
  }
  return {found.keep, found.owner, found.kept};
}

std::tuple<Tensor, Tensor, Tensor, Tensor> matrix_nms_walk_op(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                              double sigma, double min_score, std::string kind,
                                                              std::string metric, Least score_threshold,
                                                              Limit max_output) {
  const NmsInput input = nms_input(boxes, scores, idxs);
  const NmsParams walk = nms_params(input.count, 0, metric, false, score_threshold, max_output);
  const MatrixParams params = matrix_params(walk, sigma, min_score, kind);
  const OnDeviceOf device(boxes);
  const cudaStream_t stream = device.stream();
  const Tensor decayed = new_rows(scores, input.count, 1);
  const WalkTensors found(boxes, input.count, stream);
  if (input.count > 0) {
    const Sorting sorting(boxes, input, walk, found.output().kept, stream);
    const Tensor scratch = new_scratch(boxes, matrix_scratch_bytes(input.count));
    const Tensor keys = Sorting::new_keys(boxes, input.count, input.scores.type);
    matrix_nms(input, params, sorting.sorted, found.output().owner, keys.mutable_data_ptr(), scratch.mutable_data_ptr(),
               stream);
    const Tensor order = std::get<1>(sort_ascending(keys));
    matrix_result(input, params, keys.const_data_ptr(), indices(order), {found.output(), decayed.mutable_data_ptr()},
                  scratch.mutable_data_ptr(), stream);
    OnDeviceOf::check_launches();
  }
  return {decayed, found.keep, found.owner, found.kept};
}

}  // namespace ptdet::cuda

// The other methods on CUDA: torch sorts and allocates, the door does the rest. Only the compact forms wait for the
// device, once.
#include "torch/cuda_host.h"
#include "torch/method_arguments.h"
#include "torch/methods.h"

namespace ptdet::cuda {
namespace {

WalkTensors run_and(const Tensor& boxes, const NmsInput& input, const AndParams& params, cudaStream_t stream) {
  const WalkTensors found(boxes, input.count, stream);
  if (input.count == 0) return found;
  NmsParams unlimited = params.walk;
  unlimited.max_output = input.count;
  const Sorting sorting(boxes, input, unlimited, found.output().kept, stream);
  walk(boxes, input, unlimited, sorting, found.output(), stream);
  const Tensor scratch = new_scratch(boxes, and_scratch_bytes(input.count));
  and_nms(input, params, found.output(), scratch.mutable_data_ptr(), stream);
  OnDeviceOf::check_launches();
  return found;
}

// The boxes sorted by the kept box that they are members of; in one cluster, by score.
class Clusters {
 public:
  Clusters(const Tensor& boxes, const NmsInput& input, const MergeParams& params, const Sorting& sorting,
           const NmsOutput& walk, cudaStream_t stream)
      : scratch_(new_scratch(boxes, merge_scratch_bytes(input.count))) {
    const Tensor keys = new_tensor(boxes, input.count, ScalarType::Long);
    merge_clusters(input, params, sorting.sorted, walk, indices(keys), scratch(), stream);
    const auto [sorted, ranks] = sort_ascending(keys);
    keys_ = sorted;
    ranks_ = ranks;
  }

  const int64_t* keys() const { return indices(*keys_); }
  const int64_t* ranks() const { return indices(*ranks_); }
  void* scratch() const { return scratch_.mutable_data_ptr(); }

 private:
  Tensor scratch_;
  std::optional<Tensor> keys_, ranks_;
};

WalkTensors run_merge(const Tensor& boxes, const NmsInput& input, const MergeParams& params, const Tensor& merged,
                      cudaStream_t stream) {
  const WalkTensors found(boxes, input.count, stream);
  if (input.count == 0) return found;
  NmsParams limited = params.walk;
  if (params.members == Members::kBest) limited.max_output = input.count;
  const Sorting sorting(boxes, input, limited, found.output().kept, stream);
  walk(boxes, input, limited, sorting, found.output(), stream);
  const Clusters clusters(boxes, input, params, sorting, found.output(), stream);
  merge_means(input, params, sorting.sorted, clusters.keys(), clusters.ranks(),
              {found.output(), merged.mutable_data_ptr()}, clusters.scratch(), stream);
  OnDeviceOf::check_launches();
  return found;
}

Tensor first_rows(Tensor rows, int64_t count) { return torch::stable::clone(torch::stable::narrow(rows, 0, 0, count)); }

}  // namespace

std::tuple<Tensor, Tensor, Tensor> diou_nms_walk_op(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                    double iou_threshold, double beta, bool inclusive,
                                                    Least score_threshold, Limit max_output) {
  const NmsInput input = nms_input(boxes, scores, idxs);
  const NmsParams params = diou_params(input.count, iou_threshold, beta, inclusive, score_threshold, max_output);
  const OnDeviceOf device(boxes);
  const cudaStream_t stream = device.stream();
  const WalkTensors found(boxes, input.count, stream);
  if (input.count > 0) {
    const Sorting sorting(boxes, input, params, found.output().kept, stream);
    walk(boxes, input, params, sorting, found.output(), stream);
    OnDeviceOf::check_launches();
  }
  return {found.keep, found.owner, found.kept};
}

Tensor and_nms_op(const Tensor& boxes, const Tensor& scores, Index idxs, double iou_threshold, double overlap_threshold,
                  std::string metric, bool inclusive, Least score_threshold, Limit max_output) {
  const NmsInput input = nms_input(boxes, scores, idxs);
  const NmsParams params = nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output);
  const OnDeviceOf device(boxes);
  const cudaStream_t stream = device.stream();
  const WalkTensors found = run_and(boxes, input, and_params(params, overlap_threshold), stream);
  return first_rows(found.keep, count_kept(found.kept, stream));
}

std::tuple<Tensor, Tensor, Tensor> and_nms_walk_op(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                   double iou_threshold, double overlap_threshold, std::string metric,
                                                   bool inclusive, Least score_threshold, Limit max_output) {
  const NmsInput input = nms_input(boxes, scores, idxs);
  const NmsParams params = nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output);
  const OnDeviceOf device(boxes);
  const WalkTensors found = run_and(boxes, input, and_params(params, overlap_threshold), device.stream());
  return {found.keep, found.owner, found.kept};
}

std::tuple<Tensor, Tensor> merge_nms_op(const Tensor& boxes, const Tensor& scores, Index idxs, double iou_threshold,
                                        std::string metric, bool inclusive, Least score_threshold, Limit max_output,
                                        std::string members, std::string weights) {
  const NmsInput input = nms_input(boxes, scores, idxs);
  const NmsParams params = nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output);
  const OnDeviceOf device(boxes);
  const cudaStream_t stream = device.stream();
  const Tensor merged = new_rows(boxes, input.count, 4);
  const WalkTensors found = run_merge(boxes, input, merge_params(params, members, weights), merged, stream);
  const int64_t kept = count_kept(found.kept, stream);
  return {first_rows(merged, kept), first_rows(found.keep, kept)};
}

std::tuple<Tensor, Tensor, Tensor, Tensor> merge_nms_walk_op(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                             double iou_threshold, std::string metric, bool inclusive,
                                                             Least score_threshold, Limit max_output,
                                                             std::string members, std::string weights) {
  const NmsInput input = nms_input(boxes, scores, idxs);
  const NmsParams params = nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output);
  const OnDeviceOf device(boxes);
  const Tensor merged = new_rows(boxes, input.count, 4);
  const WalkTensors found = run_merge(boxes, input, merge_params(params, members, weights), merged, device.stream());
  return {merged, found.keep, found.owner, found.kept};
}

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> nmm_walk_op(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                               double iou_threshold, std::string metric, bool inclusive,
                                                               Least score_threshold, Limit max_output,
                                                               bool members_hand_on) {
  const NmsInput input = nms_input(boxes, scores, idxs);
  const NmsParams params = nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output);
  const OnDeviceOf device(boxes);
  const cudaStream_t stream = device.stream();
  const Tensor grown = new_rows(boxes, input.count, 4);
  const Tensor sides = new_sides(boxes, input.count);
  const WalkTensors found(boxes, input.count, stream);
  if (input.count > 0) {
    const Sorting sorting(boxes, input, params, found.output().kept, stream);
    const MergingOutput output{found.output(), grown.mutable_data_ptr(), indices(sides)};
    if (members_hand_on) {
      const Tensor scratch = new_scratch(boxes, merging_scratch_bytes(input.count));
      merging_walk(input, params, sorting.sorted, output.walk, scratch.mutable_data_ptr(), stream);
    } else {
      walk(boxes, input, params, sorting, output.walk, stream);
    }
    const Clusters clusters(boxes, input, {params}, sorting, output.walk, stream);
    merging_grow(input, params, sorting.sorted, clusters.keys(), clusters.ranks(), output, stream);
    OnDeviceOf::check_launches();
  }
  return {grown, sides, found.keep, found.owner, found.kept};
}

std::tuple<Tensor, Tensor, Tensor, Tensor> soft_nms_walk_op(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                            double iou_threshold, double sigma, double min_score,
                                                            std::string kind, bool reselect, std::string metric,
                                                            bool inclusive, Least score_threshold, Limit max_output) {
  const NmsInput input = nms_input(boxes, scores, idxs);
  const NmsParams params = nms_params(input.count, iou_threshold, metric, inclusive, score_threshold, max_output);
  const SoftParams soft = soft_params(params, sigma, min_score, kind, reselect);
  const OnDeviceOf device(boxes);
  const cudaStream_t stream = device.stream();
  const Tensor decayed = new_rows(scores, input.count, 1);
  const WalkTensors found(boxes, input.count, stream);
  if (input.count > 0) {
    const Sorting sorting(boxes, input, params, found.output().kept, stream);
    const Tensor scratch = new_scratch(boxes, soft_scratch_bytes(input.count));
    const Tensor keys = Sorting::new_keys(boxes, input.count, input.scores.type);
    soft_nms(input, soft, sorting.sorted, found.output().kept, keys.mutable_data_ptr(), scratch.mutable_data_ptr(),
             stream);
    const Tensor order = std::get<1>(sort_ascending(keys));
    soft_result(input, soft, sorting.sorted, indices(order), {found.output(), decayed.mutable_data_ptr()},
                scratch.mutable_data_ptr(), stream);
    OnDeviceOf::check_launches();
  }
  return {decayed, found.keep, found.owner, found.kept};
}

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> wbf_walk_op(const Tensor& boxes, const Tensor& scores, Index idxs,
                                                               Index models, Index weights, double iou_threshold,
                                                               std::string conf_type, bool allows_overflow,
                                                               std::string metric, bool inclusive,
                                                               Least score_threshold, Limit max_output) {
  const WbfInput input = wbf_input(boxes, scores, idxs, models, weights);
  const int64_t count = input.walk.count;
  const NmsParams walk = nms_params(count, iou_threshold, metric, inclusive, score_threshold, max_output);
  const WbfParams params = wbf_params(walk, conf_type, allows_overflow);
  const OnDeviceOf device(boxes);
  const cudaStream_t stream = device.stream();
  const Tensor fused = new_rows(boxes, count, 4);
  const Tensor confidences = new_rows(scores, count, 1);
  const WalkTensors found(boxes, count, stream);
  if (count > 0) {
    const Tensor keys = Sorting::new_keys(boxes, count, input.walk.boxes.type);
    wbf_keys(input, params, keys.mutable_data_ptr(), found.output().kept, stream);
    const Sorting sorting(boxes, input.walk, keys, found.output().kept, stream);
    const Tensor scratch = new_scratch(boxes, wbf_scratch_bytes(count));
    const Tensor best = Sorting::new_keys(boxes, count, input.walk.boxes.type);
    wbf(input, params, sorting.sorted, best.mutable_data_ptr(), scratch.mutable_data_ptr(), stream);
    const Tensor order = std::get<1>(sort_ascending(best));
    wbf_result(input, params, sorting.sorted, indices(order),
               {found.output(), fused.mutable_data_ptr(), confidences.mutable_data_ptr()}, scratch.mutable_data_ptr(),
               stream);
    OnDeviceOf::check_launches();
  }
  return {fused, confidences, found.keep, found.owner, found.kept};
}

}  // namespace ptdet::cuda

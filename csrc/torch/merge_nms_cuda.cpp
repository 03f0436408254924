#include "torch/cuda_sorting.h"
#include "torch/merge_nms.h"

namespace ptdet::cuda {

void merge_nms(const NmsInput& input, const MergeParams& params, const MergeOutput& output, const Call& call) {
  call.clear(output.walk.kept);
  if (input.count == 0) return;
  NmsParams limited = params.walk;
  if (params.members == Members::kBest) limited.max_output = input.count;
  const Sorting sorting(call, input, limited, output.walk.kept);
  greedy_pass(call, input, limited, sorting, output.walk);
  const Clusters clusters(call, input, params, sorting, output.walk);
  merge_means(input, params, sorting.sorted, clusters.keys(), clusters.ranks(), output, clusters.scratch(), call);
}

}  // namespace ptdet::cuda

STABLE_TORCH_LIBRARY_IMPL(ptdet, PTDET_CUDA_KEY, m) {
  m.impl("merge_nms", TORCH_BOX(&ptdet::operators::merge_nms<ptdet::cuda::Call>));
  m.impl("merge_nms_walk", TORCH_BOX(&ptdet::operators::merge_nms_walk<ptdet::cuda::Call>));
}

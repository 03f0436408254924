#include "torch/cuda_sorting.h"
#include "torch/merge_nms.h"

namespace ptdet::cuda {

void merge_nms(const NmsInput& input, const MergeParams& params, const MergeOutput& output, const Call& call) {
  call.clear(output.pass.kept);
  if (input.count == 0) return;
  NmsParams limited = params.pass;
  if (params.members == Members::kBest) limited.max_output = input.count;
  const Sorting sorting(call, input, limited, output.pass.kept);
  greedy_pass(call, input, limited, sorting, output.pass);
  const Clusters clusters(call, input, params, sorting, output.pass);
  merge_means(input, params, sorting.sorted, clusters.keys(), clusters.ranks(), output, clusters.scratch(), call);
}

}  // namespace ptdet::cuda

STABLE_TORCH_LIBRARY_IMPL(ptdet, PTDET_CUDA_KEY, m) { ptdet::operators::register_merge_nms<ptdet::cuda::Call>(m); }

#include "torch/cuda_sorting.h"
#include "torch/nmm.h"

namespace ptdet::cuda {

void nmm(const NmsInput& input, const MergingParams& params, const MergingOutput& output, const Call& call) {
  call.clear(output.walk.kept);
  if (input.count == 0) return;
  const NmsParams& pass = params.walk;
  const Sorting sorting(call, input, pass, output.walk.kept);
  if (params.members_hand_on)
    merging_walk(input, pass, sorting.sorted, output.walk, Scratch(call, merging_scratch_bytes(input.count)), call);
  else
    greedy_pass(call, input, pass, sorting, output.walk);
  const Clusters clusters(call, input, {pass}, sorting, output.walk);
  merging_grow(input, pass, sorting.sorted, clusters.keys(), clusters.ranks(), output, call);
}

}  // namespace ptdet::cuda

STABLE_TORCH_LIBRARY_IMPL(ptdet, PTDET_CUDA_KEY, m) {
  m.impl("nmm_walk", TORCH_BOX(&ptdet::operators::nmm_walk<ptdet::cuda::Call>));
}

#include "torch/cuda_sorting.h"
#include "torch/nmm.h"

namespace ptdet::cuda {

void nmm(const NmsInput& input, const NmmParams& params, const NmmOutput& output, const Call& call) {
  call.clear(output.pass.kept);
  if (input.count == 0) return;
  const NmsParams& pass = params.pass;
  const Sorting sorting(call, input, pass, output.pass.kept);
  if (params.members_propagate)
    nmm_pass(input, pass, sorting.sorted, output.pass, Scratch(call, nmm_scratch_bytes(input.count)), call);
  else
    greedy_pass(call, input, pass, sorting, output.pass);
  const Clusters clusters(call, input, {pass}, sorting, output.pass);
  nmm_grow(input, pass, sorting.sorted, clusters.keys(), clusters.ranks(), output, call);
}

}  // namespace ptdet::cuda

STABLE_TORCH_LIBRARY_IMPL(ptdet, PTDET_CUDA_KEY, m) { ptdet::operators::register_nmm<ptdet::cuda::Call>(m); }

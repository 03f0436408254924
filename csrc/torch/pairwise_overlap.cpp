#include "torch/pairwise_overlap.h"

#include "torch/host.h"

namespace ptdet::cpu {

Tensor pairwise_overlap_op(const Tensor& boxes1, const Tensor& boxes2, std::string kind, double eps, double joint_eps) {
  const TorchHost host;
  return pairwise_overlap_with(boxes1, boxes2, kind, eps, joint_eps, [&](const PairwiseInput& input, void* out) {
    pairwise_overlap(input, out, host.get());
  });
}

std::tuple<Tensor, Tensor> pairwise_overlap_backward_op(const Tensor& grad, const Tensor& boxes1, const Tensor& boxes2,
                                                        std::string kind, double eps, double joint_eps, bool wanted1,
                                                        bool wanted2) {
  const TorchHost host;
  return pairwise_overlap_backward_with(
      grad, boxes1, boxes2, kind, eps, joint_eps, wanted1, wanted2,
      [&](const PairwiseInput& input, const PairwiseGradient& gradient, void* slopes1, void* slopes2) {
        pairwise_overlap_backward(input, gradient, slopes1, slopes2, host.get());
      });
}

}  // namespace ptdet::cpu

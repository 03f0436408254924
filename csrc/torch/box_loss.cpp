#include "torch/box_loss.h"

#include "torch/host.h"

namespace ptdet::cpu {

std::tuple<Tensor, Tensor> box_loss_op(const Tensor& boxes1, const Tensor& boxes2, std::string kind, double eps,
                                       double joint_eps, bool similarity, bool slopes1, bool slopes2, double power,
                                       double scale, std::string base) {
  const TorchHost host;
  return box_loss_with(boxes1, boxes2, kind, eps, joint_eps, similarity, slopes1, slopes2, power, scale, base,
                       [&](const LossInput& input, const LossOutput& output) { box_loss(input, output, host.get()); });
}

Tensor box_loss_backward_op(const Tensor& grad, const Tensor& slopes) {
  const TorchHost host;
  return box_loss_backward_with(grad, slopes, [&](auto... arguments) { box_loss_backward(arguments..., host.get()); });
}

}  // namespace ptdet::cpu

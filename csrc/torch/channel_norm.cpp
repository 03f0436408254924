#include "torch/channel_norm.h"

#include "torch/fresh.h"
#include "torch/host.h"
#include "torch/pixels.h"

namespace ptdet::cpu {

// [docs: operator]
Tensor channel_norm_op(const Tensor& input, double norm_deg) {
  check_channel_norm(input, norm_deg);
  const Tensor norm = new_norm(input);
  if (norm.numel() == 0) return norm;
  prefer_large_pages(norm);

  std::array<PixelArray, 2> arrays;
  const PixelShape shape = pixels_of<2>({&input, &norm}, &arrays);
  const TorchHost host;
  channel_norm(shape, arrays[0], arrays[1], norm_deg, host.get());
  return norm;
}
// [docs: end]

Tensor channel_norm_backward_op(const Tensor& grad, const Tensor& input, const Tensor& output, double norm_deg) {
  check_channel_norm(input, norm_deg);
  check_like_norm(grad, input, "grad");
  check_like_norm(output, input, "output");
  const Tensor slope = torch::stable::empty_like(input);
  if (slope.numel() == 0) return slope;
  prefer_large_pages(slope);

  std::array<PixelArray, 4> arrays;
  const PixelShape shape = pixels_of<4>({&input, &grad, &output, &slope}, &arrays);
  const TorchHost host;
  channel_norm_backward(shape, arrays[1], arrays[0], arrays[2], norm_deg, arrays[3], host.get());
  return slope;
}

}  // namespace ptdet::cpu

#include "torch/channel_norm.h"
#include "torch/device.h"
#include "torch/pixels.h"

namespace ptdet::cuda {

Tensor channel_norm_op(const Tensor& input, double norm_deg) {
  check_channel_norm(input, norm_deg);
  const OnDeviceOf device(input);
  const Tensor norm = new_norm(input);
  if (norm.numel() == 0) return norm;

  std::array<PixelArray, 2> arrays;
  const PixelShape shape = pixels_of<2>({&input, &norm}, &arrays);
  channel_norm(shape, arrays[0], arrays[1], norm_deg, device.stream());
  device.check_launches();
  return norm;
}

Tensor channel_norm_backward_op(const Tensor& grad, const Tensor& input, const Tensor& output, double norm_deg) {
  check_channel_norm(input, norm_deg);
  check_like_norm(grad, input, "grad");
  check_like_norm(output, input, "output");
  const OnDeviceOf device(input);
  const Tensor slope = torch::stable::empty_like(input);
  if (slope.numel() == 0) return slope;

  std::array<PixelArray, 4> arrays;
  const PixelShape shape = pixels_of<4>({&input, &grad, &output, &slope}, &arrays);
  channel_norm_backward(shape, arrays[1], arrays[0], arrays[2], norm_deg, arrays[3], device.stream());
  device.check_launches();
  return slope;
}

}  // namespace ptdet::cuda

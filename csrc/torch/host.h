// As many threads as torch.set_num_threads says.
#pragma once

#include <torch/csrc/stable/ops.h>

#include "call_host.h"

namespace ptdet {

struct TorchHost : CallHost {
  TorchHost() : CallHost(static_cast<int>(torch::stable::get_num_threads())) {}
};

}  // namespace ptdet

// What a walk on the CPU writes to.
#pragma once

#include "torch/arguments.h"

namespace ptdet::cpu {

struct WalkTensors {
  Tensor keep, owner, kept;

  explicit WalkTensors(const Tensor& boxes, int64_t count)
      : keep(new_indices(boxes, &count, 1)),
        owner(new_indices(boxes, &count, 1)),
        kept(new_indices(boxes, nullptr, 0)) {}
  NmsOutput output() const { return {indices(keep), indices(owner), indices(kept)}; }
};

}  // namespace ptdet::cpu

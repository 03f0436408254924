// The two forms in which a greedy pass is an operator: cut to what is kept, or of fixed shape (*_walk).
// pass(input, output, call) runs it; `numbers`: of a box.
#pragma once

#include "torch/arguments.h"

namespace ptdet::operators {

// As many indices as are kept.
template <typename Call, typename Pass>
Tensor kept_by(const Tensor& boxes, const Tensor& scores, const Index& idxs, bool needs_owner, Pass&& pass,
               int64_t numbers = 4) {
  const NmsInput input = nms_input(boxes, scores, idxs, numbers);
  const Call call(boxes);
  auto found = kept_rows(call, input.count, needs_owner);
  pass(input, found.output(), call);
  call.finish();
  return found.keep();
}

// keep, owner, num_kept, of fixed shape.
template <typename Call, typename Pass>
std::tuple<Tensor, Tensor, Tensor> padded_by(const Tensor& boxes, const Tensor& scores, const Index& idxs, Pass&& pass,
                                             int64_t numbers = 4) {
  const NmsInput input = nms_input(boxes, scores, idxs, numbers);
  const Call call(boxes);
  const PassResult found(boxes, input.count);
  pass(input, found.output(), call);
  call.finish(found.num_kept);
  return {found.keep, found.owner, found.num_kept};
}

}  // namespace ptdet::operators

// Hard NMS of rotated boxes: each selected box removes those that it meets, which a tree of enclosing boxes finds.
#include "cpu/tree_pass.h"

namespace ptdet::cpu {

void rotated_nms(const NmsInput& input, const NmsParams& params, const NmsOutput& output, const Host& host) {
  NmsOutput found = output;
  if (!found.owner) found.owner = allocate<int64_t>(host, input.count);
  if (!start_pass(input, found)) return;
  const Ranks ranks = rank_candidates(input, params, host);
  remove_rotated(input, params, ranks, Removing::kSelected, found.owner, host);
  list_self_owned(params, ranks, input.count, found, host);
}

}  // namespace ptdet::cpu

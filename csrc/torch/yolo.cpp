#include "torch/yolo.h"

#include "torch/cpu_call.h"

namespace ptdet::cpu {

YoloResult yolo_candidates(const YoloInput& input, const YoloParams& params, int64_t* passed, const Call& call) {
  const YoloFound found = yolo_find(input, params, passed, call);
  const YoloResult result(call.first(), found.count, input.type);
  yolo_emit(input, found, result.pointers(), call);
  return result;
}

}  // namespace ptdet::cpu

STABLE_TORCH_LIBRARY_IMPL(ptdet, CPU, m) { ptdet::operators::register_yolo<ptdet::cpu::Call>(m); }

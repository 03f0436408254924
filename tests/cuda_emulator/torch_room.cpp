// The CUDA operators of csrc/torch as operators of the CPU, over the emulated kernels: what they check, allocate, sort
// and propagate is run with torch, its dispatcher and its stable ABI.
#include <torch/csrc/inductor/aoti_torch/c/shim.h>

// Linked with -Bsymbolic: these serve this library alone, those of torch would want a GPU.
extern "C" {
AOTITorchError aoti_torch_create_cuda_guard(int32_t, CUDAGuardHandle* guard) {
  *guard = nullptr;
  return AOTI_TORCH_SUCCESS;
}
AOTITorchError aoti_torch_delete_cuda_guard(CUDAGuardHandle) { return AOTI_TORCH_SUCCESS; }
AOTITorchError aoti_torch_get_current_cuda_stream(int32_t, void** stream) {
  *stream = nullptr;
  return AOTI_TORCH_SUCCESS;
}
}

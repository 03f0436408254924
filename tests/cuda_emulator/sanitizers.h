// What the sanitizers must be told about fibres. The runtime itself is compiled without them, so the build says which
// one the program has: -DCUDA_ON_CPU_ASAN or -DCUDA_ON_CPU_TSAN.
#pragma once

#include <cstddef>

#if defined(CUDA_ON_CPU_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#if defined(CUDA_ON_CPU_TSAN)
#include <sanitizer/tsan_interface.h>
constexpr bool kTellBlocksApart = true;
inline void* current_tsan() { return __tsan_get_current_fiber(); }
inline void* create_tsan() { return __tsan_create_fiber(0); }
// 1: the switch itself orders nothing, or no race could ever be seen.
inline void enter_tsan(void* fibre) { __tsan_switch_to_fiber(fibre, 1); }
inline void acquire(void* token) { __tsan_acquire(token); }
inline void release(void* token) { __tsan_release(token); }
#else
constexpr bool kTellBlocksApart = false;
inline void* current_tsan() { return nullptr; }
inline void* create_tsan() { return nullptr; }
inline void enter_tsan(void*) {}
inline void acquire(void*) {}
inline void release(void*) {}
#endif

#if defined(CUDA_ON_CPU_ASAN)
inline void leave_asan(void** fake_stack, const void* bottom, size_t size) {
  __sanitizer_start_switch_fiber(fake_stack, bottom, size);
}
inline void arrive_asan(void* fake_stack, const void** from_bottom, size_t* from_size) {
  __sanitizer_finish_switch_fiber(fake_stack, from_bottom, from_size);
}
inline void clean_stack(const void* bottom, size_t size) { ASAN_UNPOISON_MEMORY_REGION(bottom, size); }
#else
inline void leave_asan(void**, const void*, size_t) {}
inline void arrive_asan(void*, const void**, size_t*) {}
inline void clean_stack(const void*, size_t) {}
#endif

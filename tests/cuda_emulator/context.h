// Leaves one stack for another: the registers a call preserves are saved on the old stack and read from the new.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

extern "C" void cuda_on_cpu_switch(void** save_stack_pointer, void* stack_pointer);

#if defined(__x86_64__)
asm(R"(
.text
.globl cuda_on_cpu_switch
.type cuda_on_cpu_switch, @function
cuda_on_cpu_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size cuda_on_cpu_switch, .-cuda_on_cpu_switch
)");

// A stack whose first switch enters `entry`, which never returns. `top` is aligned to 16.
inline void* fresh_stack(char* top, void (*entry)()) {
  void** slot = reinterpret_cast<void**>(top);
  *--slot = nullptr;  // where entry would return to; leaves the stack aligned as after a call
  *--slot = reinterpret_cast<void*>(entry);
  for (int saved = 0; saved < 6; ++saved) *--slot = nullptr;
  return slot;
}
#elif defined(__aarch64__)
asm(R"(
.text
.globl cuda_on_cpu_switch
.type cuda_on_cpu_switch, %function
cuda_on_cpu_switch:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.size cuda_on_cpu_switch, .-cuda_on_cpu_switch
)");

inline void* fresh_stack(char* top, void (*entry)()) {
  char* stack_pointer = top - 160;
  memset(stack_pointer, 0, 160);
  *reinterpret_cast<void**>(stack_pointer + 88) = reinterpret_cast<void*>(entry);  // x30
  return stack_pointer;
}
#else
#error "the emulator switches stacks on x86-64 and aarch64 only"
#endif

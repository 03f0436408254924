#if defined(__x86_64__)
#define PTDET_ISA avx2
#include "cpu/walk.inc"

const ptdet::cpu::WalkTable ptdet::cpu::kAvx2Walk = PTDET_TABLE("avx2");
#endif

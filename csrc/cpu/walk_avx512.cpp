#if defined(__x86_64__)
#include "cpu/quiet_avx512.inc"
#define PTDET_ISA avx512
#include "cpu/walk.inc"

const ptdet::cpu::WalkTable ptdet::cpu::kAvx512Walk = PTDET_TABLE("avx512");
#endif

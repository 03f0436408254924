#if defined(__x86_64__)
#define PTDET_ISA avx2
#include "cpu/walk.inc"

const ptdet::cpu::WalkTable ptdet::cpu::kAvx2Walk = {"avx2", avx2::walk_group<float>, avx2::walk_group<double>};
#endif

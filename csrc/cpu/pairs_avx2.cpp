#if defined(__x86_64__)
#define PTDET_ISA avx2
#include "cpu/pairs.inc"

const ptdet::cpu::PairTable ptdet::cpu::kAvx2Pairs = {avx2::kLoops<float>, avx2::kLoops<double>};
#endif

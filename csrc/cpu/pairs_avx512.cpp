#if defined(__x86_64__)
#define PTDET_ISA avx512
#include "cpu/pairs.inc"

const ptdet::cpu::PairTable ptdet::cpu::kAvx512Pairs = {avx512::kLoops<float>, avx512::kLoops<double>};
#endif

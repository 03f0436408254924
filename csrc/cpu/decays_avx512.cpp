#if defined(__x86_64__)
#define PTDET_ISA avx512
#include "cpu/decays.inc"

const ptdet::cpu::DecayTable ptdet::cpu::kAvx512Decays = {avx512::kDecays<float>, avx512::kDecays<double>};
#endif

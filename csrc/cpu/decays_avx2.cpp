#if defined(__x86_64__)
#define PTDET_ISA avx2
#include "cpu/decays.inc"

const ptdet::cpu::DecayTable ptdet::cpu::kAvx2Decays = {avx2::kDecays<float>, avx2::kDecays<double>};
#endif

#if defined(__x86_64__)
#include "cpu/quiet_avx512.inc"
#define PTDET_ISA avx512
#include "cpu/matrix_search.inc"

const ptdet::cpu::WeightTable ptdet::cpu::kAvx512Weights = {avx512::kWeights<float>, avx512::kWeights<double>};
#endif

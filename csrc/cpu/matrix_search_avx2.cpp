#if defined(__x86_64__)
#define PTDET_ISA avx2
#include "cpu/matrix_search.inc"

const ptdet::cpu::WeightTable ptdet::cpu::kAvx2Weights = {avx2::kWeights<float>, avx2::kWeights<double>};
#endif

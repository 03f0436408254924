#if defined(__x86_64__)
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // gcc's own _mm512_undefined_ps (GCC bug 105593)
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#define PTDET_ISA avx512
#include "cpu/matrix_search.inc"

const ptdet::cpu::WeightTable ptdet::cpu::kAvx512Weights = {avx512::kWeights<float>, avx512::kWeights<double>};
#endif

#if defined(__x86_64__)
#define PTDET_ISA avx512
#define PTDET_TABLE kAvx512
#define PTDET_ISA_NAME "avx512"
#include "cpu/simd/kernels.inc"
#endif

#if defined(__x86_64__)
#define PTDET_ISA avx2
#define PTDET_TABLE kAvx2
#define PTDET_ISA_NAME "avx2"
#include "cpu/simd/kernels.inc"
#endif

#define PTDET_ISA baseline
#define PTDET_TABLE kBaseline
#if defined(__aarch64__)
#define PTDET_ISA_NAME "neon"
#else
#define PTDET_ISA_NAME "baseline"
#endif
#include "cpu/simd/kernels.inc"

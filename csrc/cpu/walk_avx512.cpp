#if defined(__x86_64__)
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // gcc's own _mm512_undefined_ps (GCC bug 105593)
#endif
#define PTDET_ISA avx512
#include "cpu/walk.inc"

const ptdet::cpu::WalkTable ptdet::cpu::kAvx512Walk = PTDET_TABLE("avx512");
#endif

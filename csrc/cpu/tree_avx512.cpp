#if defined(__x86_64__)
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // gcc's own _mm512_undefined_ps (GCC bug 105593)
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#define PTDET_ISA avx512
#include "cpu/tree.inc"

const ptdet::cpu::TreeTable ptdet::cpu::kAvx512Tree = PTDET_TREE_TABLE;
#endif

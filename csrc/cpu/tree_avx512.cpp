#if defined(__x86_64__)
#include "cpu/quiet_avx512.inc"
#define PTDET_ISA avx512
#include "cpu/tree.inc"

const ptdet::cpu::TreeTable ptdet::cpu::kAvx512Tree = PTDET_TREE_TABLE;
#endif

#if defined(__x86_64__)
#define PTDET_ISA avx2
#include "cpu/tree.inc"

const ptdet::cpu::TreeTable ptdet::cpu::kAvx2Tree = PTDET_TREE_TABLE;
#endif

#define PTDET_ISA baseline
#include "cpu/tree.inc"

const ptdet::cpu::TreeTable ptdet::cpu::kBaselineTree = PTDET_TREE_TABLE;

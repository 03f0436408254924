#define PTDET_ISA baseline
#include "cpu/tree.inc"

const ptdet::cpu::TreeTable ptdet::cpu::kBaselineTree = {baseline::search<float>, baseline::search<double>,
                                                         baseline::meets<float>, baseline::meets<double>};

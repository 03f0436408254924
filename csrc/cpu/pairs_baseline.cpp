#define PTDET_ISA baseline
#include "cpu/pairs.inc"

const ptdet::cpu::PairTable ptdet::cpu::kBaselinePairs = {baseline::kLoops<float>, baseline::kLoops<double>};

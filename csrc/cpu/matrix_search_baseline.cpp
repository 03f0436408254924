#define PTDET_ISA baseline
#include "cpu/matrix_search.inc"

const ptdet::cpu::WeightTable ptdet::cpu::kBaselineWeights = {baseline::kWeights<float>, baseline::kWeights<double>};

#define PTDET_ISA baseline
#include "cpu/decays.inc"

const ptdet::cpu::DecayTable ptdet::cpu::kBaselineDecays = {baseline::kDecays<float>, baseline::kDecays<double>};

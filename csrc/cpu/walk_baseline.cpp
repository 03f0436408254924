#define PTDET_ISA baseline
#include "cpu/walk.inc"

#if defined(__aarch64__)
const ptdet::cpu::WalkTable ptdet::cpu::kBaselineWalk = PTDET_TABLE("neon");
#else
const ptdet::cpu::WalkTable ptdet::cpu::kBaselineWalk = PTDET_TABLE("baseline");
#endif

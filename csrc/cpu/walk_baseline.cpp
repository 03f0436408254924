#define PTDET_ISA baseline
#include "cpu/walk.inc"

const ptdet::cpu::WalkTable ptdet::cpu::kBaselineWalk = {
#if defined(__aarch64__)
    "neon",
#else
    "baseline",
#endif
    baseline::walk_group<float>, baseline::walk_group<double>};

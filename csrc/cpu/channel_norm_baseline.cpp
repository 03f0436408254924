#define PTDET_ISA baseline
#include "cpu/channel_norm.inc"

const ptdet::cpu::ChannelNormTable ptdet::cpu::kBaselineChannelNorm = {baseline::forward, baseline::backward};

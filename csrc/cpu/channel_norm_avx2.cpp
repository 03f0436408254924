#if defined(__x86_64__)
#define PTDET_ISA avx2
#include "cpu/channel_norm.inc"

const ptdet::cpu::ChannelNormTable ptdet::cpu::kAvx2ChannelNorm = {avx2::forward, avx2::backward};
#endif

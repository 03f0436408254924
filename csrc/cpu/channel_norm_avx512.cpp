#if defined(__x86_64__)
#define PTDET_ISA avx512
#include "cpu/channel_norm.inc"

const ptdet::cpu::ChannelNormTable ptdet::cpu::kAvx512ChannelNorm = {avx512::forward, avx512::backward};
#endif

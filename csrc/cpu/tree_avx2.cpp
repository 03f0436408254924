#if defined(__x86_64__)
#define PTDET_ISA avx2
#include "cpu/tree.inc"

const ptdet::cpu::TreeTable ptdet::cpu::kAvx2Tree = {avx2::search<float>, avx2::search<double>, avx2::meets<float>,
                                                     avx2::meets<double>};
#endif

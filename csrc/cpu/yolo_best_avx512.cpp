#if defined(__x86_64__)
#define PTDET_ISA avx512
#include "cpu/yolo_best.inc"

const ptdet::cpu::YoloBest ptdet::cpu::kAvx512YoloBest = avx512::yolo_best;
#endif

#if defined(__x86_64__)
#define PTDET_ISA avx2
#include "cpu/yolo_best.inc"

const ptdet::cpu::YoloBest ptdet::cpu::kAvx2YoloBest = avx2::yolo_best;
#endif

#if defined(__x86_64__)
#define PTDET_YOLO_BEST yolo_best_avx2
#include "cpu/yolo_best.inc"
#endif

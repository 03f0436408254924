#define PTDET_YOLO_BEST yolo_best_baseline
#include "cpu/yolo_best.inc"

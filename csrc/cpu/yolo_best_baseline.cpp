#define PTDET_ISA baseline
#include "cpu/yolo_best.inc"

const ptdet::cpu::YoloBest ptdet::cpu::kBaselineYoloBest = baseline::yolo_best;

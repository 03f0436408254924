// The search of matrix NMS for the better box that weighs most on a box, for each instruction set.
#pragma once

#include "math/matrix_nms.h"

namespace ptdet::cpu {

template <typename T>
struct Weights;  // cpu/matrix_weights.h

// A box is asked for by its number: better boxes have lower ones.
template <typename T>
struct WeightLoops {
  // The greatest share of a better box.
  T (*most)(const Weights<T>& weights, const Box<T>& box, uint32_t number);
  // What better boxes leave, and which of them leaves least, of those of the tree and `least` before.
  void (*least)(const Weights<T>& weights, const Box<T>& box, uint32_t number, LeastLeft<T>& least);
};

struct MatrixNmsTable {
  WeightLoops<float> of_float;
  WeightLoops<double> of_double;
};

}  // namespace ptdet::cpu

// The search in a tree for the better box that weighs most on a box in matrix NMS. It passes over whole blocks whose
// boxes cannot weigh more than one that is found: none overlaps the box more than the block's hull does, nor has with
// it a smaller union than what all of the block's boxes cover (tree.h, Order::kShapes).
#pragma once

#include "core/decay.h"
#include "core/matrix_decay.h"
#include "cpu/tree.h"

namespace ptdet::cpu {

template <typename T>
struct Weights {
  Tree<T> tree;
  Metric metric;
  MatrixDecay<T> decay;
  T (*share)(Metric metric, const Box<T>& box, const Box<T>& better);  // decay_share of their overlap
  T* relief[Tree<T>::kMostLevels];                                     // [level][lane] the greatest there
};

// One table for each instruction set. A box is asked for by its number: better boxes have lower ones.
template <typename T>
struct WeightLoops {
  // The greatest share of a better box.
  T (*most)(const Weights<T>& weights, const Box<T>& box, uint32_t number);
  // What better boxes leave, and who leaves least, of those of the tree and `least` before.
  void (*least)(const Weights<T>& weights, const Box<T>& box, uint32_t number, LeastLeft<T>& least);
};

struct WeightTable {
  WeightLoops<float> of_float;
  WeightLoops<double> of_double;
};

extern const WeightTable kBaselineWeights;
#if defined(__x86_64__)
extern const WeightTable kAvx2Weights;
extern const WeightTable kAvx512Weights;
#endif

}  // namespace ptdet::cpu

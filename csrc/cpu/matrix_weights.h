// The search in a tree for the better box that weighs most on a box in matrix NMS. It passes over whole blocks whose
// boxes cannot weigh more than one that is found: none overlaps the box more than the block's hull does, nor has with
// it a smaller union than what all of the block's boxes cover (cpu/box_tree.h, Order::kShapes).
#pragma once

#include "math/matrix_nms.h"
#include "cpu/box_tree.h"

namespace ptdet::cpu {

template <typename T>
struct Weights {
  Tree<T> tree;
  Metric metric;
  MetricTraits traits;  // of the metric
  MatrixDecay<T> decay;
  T (*share)(Metric metric, const Box<T>& box, const Box<T>& better);  // decay_share of their overlap
  T* relief[Tree<T>::kMostLevels];                                     // [level][lane] the greatest there
};

}  // namespace ptdet::cpu

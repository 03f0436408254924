// Matrix NMS (Wang et al., "SOLOv2", NeurIPS 2020): what a better box leaves of a score, and which one leaves least.
#pragma once

#include "math/elementary.h"

namespace ptdet {

template <typename T>
struct MatrixDecay {
  bool gaussian;  // else linear
  T sigma;

  // After a share of decay_share (math/soft_nms.h). Of the largest share it is the relief: what weighs on a box
  // lightens its own weight on others.
  PTDET_HD T left(T share) const { return gaussian ? exponential(-sigma * (share * share)) : T(1) - share; }
};

// The least that some better boxes leave, at most 1, and which box it is: of equals the first, in whatever order they
// come.
template <typename T>
struct LeastLeft {
  T ratio;
  int64_t by;  // -1: nobody

  PTDET_HD static LeastLeft nothing_taken() { return {T(1), -1}; }
  PTDET_HD void take(const LeastLeft& other) {
    if (other.ratio < ratio || (other.ratio == ratio && other.by < by)) *this = other;
  }
  // A box without relief is passed over: what weighs on it weighs on the others itself.
  PTDET_HD void take(T left, T relief, int64_t by_whom) {
    if (relief > T(0)) take({left / relief, by_whom});
  }
};

}  // namespace ptdet

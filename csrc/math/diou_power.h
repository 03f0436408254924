// IoU - (rho2 / c2)^beta: the DIoU of a suppression (Zheng et al., AAAI 2020) with darknet's beta.
#pragma once

#include "math/elementary.h"
#include "math/overlap.h"

namespace ptdet {

struct DiouPower {
  template <typename T>
  PTDET_HD static T of(T iou, const Box<T>& a, const Box<T>& b, double beta) {
    return iou - power(centre_distance_share(a, b), beta);
  }
};

}  // namespace ptdet

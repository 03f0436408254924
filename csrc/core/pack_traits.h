// What lets one formula serve a number and a register of numbers (cpu/pack.h): a choice without a branch.
#pragma once

#include "core/overlap.h"

namespace ptdet {

// The number a T holds, or holds many of.
template <typename T>
struct ElementOf {
  using type = T;
};

template <typename T>
PTDET_HD T select(bool which, T yes, T no) {
  return which ? yes : no;
}

PTDET_HD float root(float x) { return ::sqrtf(x); }
PTDET_HD double root(double x) { return ::sqrt(x); }
PTDET_HD float power_of(float x, float exponent) { return ::powf(x, exponent); }
PTDET_HD double power_of(double x, double exponent) { return ::pow(x, exponent); }

}  // namespace ptdet

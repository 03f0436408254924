// What is not a finite number, and the quotient of areas and sides (SPEC 1).
#pragma once

#include "math/platform.h"

namespace ptdet {

template <typename T>
PTDET_HD bool is_finite(T x) {
  return x - x == T(0);
}

template <typename T>
PTDET_HD T finite_or_zero(T x) {
  return is_finite(x) ? x : T(0);
}

// part / whole, with 0/0 = 0.
template <typename T>
PTDET_HD T share(T part, T whole) {
  return part == T(0) && whole == T(0) ? T(0) : part / whole;
}

}  // namespace ptdet

// first + second x + ... with the fewest operations.
#pragma once

#include "math/pack_traits.h"

namespace ptdet {

template <typename T>
PTDET_HD T horner(T, double last) {
  return T(last);
}

template <typename T, typename... Rest>
PTDET_HD T horner(T x, double first, double second, Rest... rest) {
  return T(first) + x * horner(x, second, rest...);
}

}  // namespace ptdet

// An option of a call, a double, in the type that computes: as near to it as a normal number of that type is, so that
// what is above 0 stays above 0, and finite (SPEC 1).
#pragma once

#include "math/wide.h"

namespace ptdet {

template <typename T>
PTDET_HD T parameter(double value) {
  constexpr int kBias = Floating<T>::kBias;
  const double least = two_to<T>(1 - kBias), most = two_to<T>(kBias) * (T(2) - two_to<T>(-Floating<T>::kDigits));
  const double size = value < 0 ? -value : value;
  const double within = size > most ? most : (size < least && size > 0 ? least : size);
  return static_cast<T>(value < 0 ? -within : within);
}

}  // namespace ptdet

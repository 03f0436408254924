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

}  // namespace ptdet

// What lets one formula serve a number and a register of numbers (cpu/simd/pack.h): a choice without a branch,
// the bits of each number, a detour through double.
#pragma once

#include "math/order.h"

namespace ptdet {

// The number a T holds, or holds many of, and the unsigned integer of its size; Bits: an integer for each number.
template <typename T>
struct ElementOf {
  using type = T;
};
template <typename Element>
using WordOf = std::conditional_t<sizeof(Element) == 4, uint32_t, uint64_t>;
template <typename T>
struct BitsOf {
  using type = WordOf<T>;
};

template <typename T>
PTDET_HD T select(bool which, T yes, T no) {
  return which ? yes : no;
}

PTDET_HD bool any(bool which) { return which; }

template <typename T>
PTDET_HD T magnitude(T x) {
  return select(x < T(0), -x, x);
}

// f(double) or f(a register of doubles), its result rounded to T once.
template <typename F>
PTDET_HD float in_double(float x, F&& f) {
  return static_cast<float>(f(static_cast<double>(x)));
}
template <typename F>
PTDET_HD double in_double(double x, F&& f) {
  return f(x);
}

PTDET_HD float root(float x) { return ::sqrtf(x); }
PTDET_HD double root(double x) { return ::sqrt(x); }

}  // namespace ptdet

// A register of numbers with the operators of one number, so that math's formulas run over many pairs at once. Isa is
// a type of the including file's own (pairs.inc): every function here is compiled once per instruction set, and none
// of one serves another.
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <utility>

#include "math/overlap.h"

namespace ptdet::cpu {

template <typename E, typename Isa>
struct Pack {
  static constexpr int kWidth = Isa::kBytes / static_cast<int>(sizeof(E));
  typedef E V __attribute__((vector_size(Isa::kBytes)));
  typedef decltype(V{} < V{}) Bits;  // all ones where true

  struct Mask {
    Bits bits;
    PTDET_HD friend Mask operator&(Mask a, Mask b) { return {a.bits & b.bits}; }
    PTDET_HD friend Mask operator|(Mask a, Mask b) { return {a.bits | b.bits}; }
    PTDET_HD friend Mask operator!(Mask a) { return {~a.bits}; }
    PTDET_HD friend bool any(Mask a) {
#if defined(__AVX512DQ__)
      if constexpr (Isa::kBytes == 64) return _mm512_movepi64_mask((__m512i)a.bits) != 0;
#endif
#if defined(__AVX2__)
      if constexpr (Isa::kBytes == 32) return _mm256_movemask_epi8((__m256i)a.bits) != 0;
#endif
      typename BitsOf<E>::type found = 0;
      for (int i = 0; i < kWidth; ++i) found |= static_cast<typename BitsOf<E>::type>(a.bits[i]);
      return found != 0;
    }
    // A bit for each number, of the first the lowest.
    PTDET_HD friend uint32_t lanes_of(Mask a) {
#if defined(__AVX512DQ__)
      if constexpr (Isa::kBytes == 64 && sizeof(E) == 8) return _mm512_movepi64_mask((__m512i)a.bits);
#endif
#if defined(__AVX2__)
      if constexpr (Isa::kBytes == 32 && sizeof(E) == 8)
        return static_cast<uint32_t>(_mm256_movemask_pd((__m256d)a.bits));
#endif
      uint32_t found = 0;
      for (int i = 0; i < kWidth; ++i) found |= static_cast<uint32_t>(a.bits[i] & 1) << i;
      return found;
    }
    PTDET_HD friend Pack select(Mask which, Pack yes, Pack no) { return {which.bits ? yes.v : no.v}; }
  };

  V v;
  Pack() = default;
  PTDET_HD Pack(V lanes) : v(lanes) {}
  PTDET_HD explicit Pack(double x) : v(static_cast<E>(x) - V{}) {}

  PTDET_HD static Pack load(const E* p) {
    Pack r;
    __builtin_memcpy(&r.v, p, sizeof(V));
    return r;
  }
  PTDET_HD void store(E* p) const { __builtin_memcpy(p, &v, sizeof(V)); }

  PTDET_HD friend Pack operator+(Pack a, Pack b) { return {a.v + b.v}; }
  PTDET_HD friend Pack operator-(Pack a, Pack b) { return {a.v - b.v}; }
  PTDET_HD friend Pack operator*(Pack a, Pack b) { return {a.v * b.v}; }
  PTDET_HD friend Pack operator/(Pack a, Pack b) { return {a.v / b.v}; }
  PTDET_HD friend Pack operator-(Pack a) { return {-a.v}; }
  PTDET_HD friend Mask operator<(Pack a, Pack b) { return {a.v < b.v}; }
  PTDET_HD friend Mask operator>(Pack a, Pack b) { return {a.v > b.v}; }
  PTDET_HD friend Mask operator>=(Pack a, Pack b) { return {a.v >= b.v}; }
  PTDET_HD friend Mask operator==(Pack a, Pack b) { return {a.v == b.v}; }
  PTDET_HD friend Mask operator!=(Pack a, Pack b) { return {a.v != b.v}; }

  // The primitives of math/box.h and math/overlap.h. Of two numbers the second comes back where one is NaN: with box a
  // first, a NaN of b reaches the intersection, and one of a reaches a's area, which every measure divides by.
  PTDET_HD friend Pack lesser(Pack a, Pack b) { return {a.v < b.v ? a.v : b.v}; }
  PTDET_HD friend Pack greater(Pack a, Pack b) { return {a.v > b.v ? a.v : b.v}; }
  PTDET_HD friend Pack positive_part(Pack x) { return {V{} > x.v ? V{} : x.v}; }
  PTDET_HD friend Mask is_finite(Pack x) { return {x.v - x.v == V{}}; }
  PTDET_HD friend Pack finite_or_zero(Pack x) { return select(is_finite(x), x, Pack(V{})); }
  PTDET_HD friend Pack share(Pack part, Pack whole) {
    return select((part == Pack(V{})) & (whole == Pack(V{})), Pack(V{}), part / whole);
  }

  // math/pack_traits.h
  PTDET_HD friend Pack root(Pack x) {
    for (int i = 0; i < kWidth; ++i) x.v[i] = ptdet::root(x.v[i]);
    return x;
  }
  template <typename F>
  PTDET_HD friend Pack in_double(Pack x, F&& f) {
    if constexpr (sizeof(E) == 8) {
      return f(x);
    } else {
      typedef E Half __attribute__((vector_size(Isa::kBytes / 2)));
      using Doubles = Pack<double, Isa>;
      Half halves[2];
      __builtin_memcpy(halves, &x.v, sizeof(V));
      for (Half& half : halves)
        half = __builtin_convertvector(f(Doubles(__builtin_convertvector(half, typename Doubles::V))).v, Half);
      __builtin_memcpy(&x.v, halves, sizeof(V));
      return x;
    }
  }
};

template <typename V, typename Bits, size_t... I>
PTDET_HD V shuffled(V a, V b, Bits, std::index_sequence<I...>) {
#if defined(__clang__)
  return __builtin_shufflevector(a, b, static_cast<int>(I)...);
#else
  return __builtin_shuffle(a, b, Bits{static_cast<std::remove_reference_t<decltype(Bits{}[0])>>(I)...});
#endif
}

// a0 a2 ... b0 b2 ... from Start 0, a1 a3 ... b1 b3 ... from Start 1.
template <size_t Start, typename P, size_t... I>
PTDET_HD P every_second(P a, P b, std::index_sequence<I...>) {
  return {shuffled(a.v, b.v, typename P::Bits{}, std::index_sequence<Start + 2 * I...>{})};
}

// a0 b0 a1 b1 ... of the lower halves (Upper 0) or of the upper halves (Upper 1).
template <size_t Upper, typename P, size_t... I>
PTDET_HD P alternating(P a, P b, std::index_sequence<I...>) {
  constexpr size_t n = sizeof...(I);
  return {shuffled(a.v, b.v, typename P::Bits{}, std::index_sequence<Upper*(n / 2) + I / 2 + I % 2 * n...>{})};
}

// kWidth rows of x1, y1, x2, y2.
template <typename P, typename E>
PTDET_HD Box<P> load_box_rows(const E* rows) {
  constexpr std::make_index_sequence<P::kWidth> lanes{};
  const P a = P::load(rows), b = P::load(rows + P::kWidth);
  const P c = P::load(rows + 2 * P::kWidth), d = P::load(rows + 3 * P::kWidth);
  const P x_front = every_second<0>(a, b, lanes), x_back = every_second<0>(c, d, lanes);
  const P y_front = every_second<1>(a, b, lanes), y_back = every_second<1>(c, d, lanes);
  return {every_second<0>(x_front, x_back, lanes), every_second<0>(y_front, y_back, lanes),
          every_second<1>(x_front, x_back, lanes), every_second<1>(y_front, y_back, lanes)};
}

template <typename P, typename E>
PTDET_HD void store_box_rows(const Box<P>& box, E* rows) {
  constexpr std::make_index_sequence<P::kWidth> lanes{};
  const P x_front = alternating<0>(box.x1, box.x2, lanes), x_back = alternating<1>(box.x1, box.x2, lanes);
  const P y_front = alternating<0>(box.y1, box.y2, lanes), y_back = alternating<1>(box.y1, box.y2, lanes);
  alternating<0>(x_front, y_front, lanes).store(rows);
  alternating<1>(x_front, y_front, lanes).store(rows + P::kWidth);
  alternating<0>(x_back, y_back, lanes).store(rows + 2 * P::kWidth);
  alternating<1>(x_back, y_back, lanes).store(rows + 3 * P::kWidth);
}

}  // namespace ptdet::cpu

namespace ptdet {

template <typename E, typename Isa>
struct ElementOf<cpu::Pack<E, Isa>> {
  using type = E;
};

template <typename E, typename Isa>
struct BitsOf<cpu::Pack<E, Isa>> {
  typedef WordOf<E> type __attribute__((vector_size(Isa::kBytes)));
};

}  // namespace ptdet
